import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from megacontext.agent.hosting.host import Host
from megacontext.agent.hosting.lane import Lane
from megacontext.agent.hosting.news import Freshened, HostNews, Opened, Rested, Trouble, Worked
from megacontext.agent.hosting.shelf import Shelf
from megacontext.memory.focus import FocusQuery
from megacontext.models.language.scripted import ScriptedModel
from tests.memory.workbench import write_files
from tests.patience import LOOK_S, PATIENCE_S

WORDS = "greeter/words.py"


class Hosted:
    """A host, and the news it has told so far."""

    def __init__(self, workplace: Any, **more: Any) -> None:
        self.news: queue.Queue[HostNews] = queue.Queue()
        self.host = Host(workplace, self.news.put, model=ScriptedModel([]), **more)

    def until(self, kind: type[HostNews], **wanted: Any) -> Any:
        """Wait for news."""
        until = time.monotonic() + PATIENCE_S
        while True:
            news = self.news.get(timeout=max(0.0, until - time.monotonic()))
            if isinstance(news, kind) and all(
                value in getattr(news, name) for name, value in wanted.items()
            ):
                return news

    def learns(self, symbol: str) -> None:
        """Wait for news after which memory knows of a definition: a file may be read half written first."""
        while not self.finds(symbol):
            self.until(Freshened)

    def finds(self, symbol: str) -> bool:
        """Whether memory knows of a definition."""
        engine = self.host.engine
        assert engine is not None
        with engine.memory.reading():
            found = engine.memory.db.execute("SELECT 1 FROM symbols WHERE name = ?", (symbol,))
            return found.fetchone() is not None


@pytest.fixture
def hosted(workplace) -> Iterator[Callable[..., Hosted]]:
    with ExitStack() as opened:

        def begin(**settings: Any) -> Hosted:
            made = Hosted(workplace(memory__gists="off", **settings))
            opened.callback(made.host.close, PATIENCE_S)
            made.host.start()
            return made

        yield begin


def test_a_host_indexes_and_keeps_what_changes_fresh(hosted, repository: Path):
    one = hosted()
    assert one.until(Opened) == Opened(True, "")
    assert one.until(Worked, stage="files").total
    assert not one.until(Rested, stage="files").stopped
    write_files(repository, {"new.py": "def brand_new():\n    pass\n"})
    one.learns("brand_new")


def test_everything_is_compared_again_when_asked(hosted, repository: Path):
    one = hosted()
    one.until(Rested, stage="files")
    write_files(repository, {"new.py": "def brand_new():\n    pass\n"})
    one.host.index()
    one.until(Rested, stage="files")
    assert one.finds("brand_new")


def test_an_unsaved_buffer_is_read_in_place_of_its_file_until_it_is_let_go(hosted):
    one = hosted()
    one.until(Rested, stage="files")
    one.host.hold(WORDS, b"def unsaved_word():\n    pass\n")
    one.until(Freshened, paths=WORDS)
    assert one.finds("unsaved_word") and not one.finds("word_for")
    assert one.host.engine.memory.read(WORDS) == b"def unsaved_word():\n    pass\n"
    one.host.release(WORDS)
    one.until(Freshened, paths=WORDS)
    assert one.finds("word_for") and not one.finds("unsaved_word")


def test_a_buffer_of_a_secret_stays_out(hosted):
    one = hosted()
    one.until(Rested, stage="files")
    one.host.hold("keys/.env", b"PASSWORD=of_the_editor_now\n")
    one.host.hold(WORDS, b"def seen():\n    pass\n")
    one.until(Freshened, paths=WORDS)
    _, rendering = one.host.engine.focus_and_read(FocusQuery("PASSWORD of_the_editor_now"))
    assert "of_the_editor_now" not in rendering.text


def test_the_reader_takes_over_when_the_writer_leaves(hosted, repository: Path):
    first = hosted()
    first.until(Rested, stage="files")
    second = hosted()
    opened = second.until(Opened)
    assert not opened.writes and str(first.host.workplace.places.root) not in opened.writer
    assert not second.host.writes and second.finds("word_for")
    second.host.hold(WORDS, b"def held_by_the_second():\n    pass\n")
    assert first.host.close(PATIENCE_S)
    assert second.until(Opened).writes
    # What the editor held all the while is memory's now, and the files are watched.
    second.until(Freshened, paths=WORDS)
    assert second.finds("held_by_the_second")
    write_files(repository, {"after.py": "def made_after():\n    pass\n"})
    second.learns("made_after")


def test_whoever_comes_first_of_many_writes_and_no_two_do(hosted):
    many = [hosted() for _ in range(4)]
    for one in many:
        one.until(Opened)
    assert sum(one.host.writes for one in many) == 1
    writer = next(one for one in many if one.host.writes)
    others = [one for one in many if one is not writer]
    writer.until(Rested, stage="files")
    assert writer.host.close(PATIENCE_S)
    while not any(one.host.writes for one in others):
        time.sleep(LOOK_S)
    assert sum(one.host.writes for one in others) == 1


def test_indexing_can_be_stopped_and_changes_are_taken_in_all_the_same(hosted, repository: Path):
    write_files(repository, {f"many/m{n}.py": f"def many_{n}():\n    pass\n" for n in range(600)})
    one = hosted()
    one.host.stop("files")
    assert one.until(Rested, stage="files").stopped
    write_files(repository, {"new.py": "def brand_new():\n    pass\n"})
    one.learns("brand_new")


def test_a_repository_that_cannot_be_written_is_told(hosted, repository: Path):
    (repository / ".megacontext" / "catalogue.db").write_bytes(b"no database at all" * 100)
    assert "catalogue.db" in hosted().until(Trouble).text


def test_a_host_that_never_began_can_be_closed(workplace):
    assert Hosted(workplace()).host.close(PATIENCE_S)


def test_a_model_is_loaded_once_for_all(workplace, monkeypatch: pytest.MonkeyPatch):
    loaded = []
    first, second = workplace(), workplace(focus__budget=100)
    monkeypatch.setattr(type(first), "load_model", lambda self: loaded.append(self) or object())
    shelf = Shelf()
    assert shelf.model_of(first) is shelf.model_of(second)
    assert loaded == [first]


def test_a_lane_does_one_thing_after_the_other_and_goes_on_after_a_fault():
    lane, done = Lane("test"), []
    gate = threading.Event()
    first = lane.call(lambda: gate.wait(PATIENCE_S) and done.append(1))
    second = lane.call(lambda: 1 / 0)
    third = lane.call(lambda: done.append(3))
    fourth = lane.call(lambda: done.append(4))
    assert fourth.cancel()
    gate.set()
    first.result(PATIENCE_S)
    with pytest.raises(ZeroDivisionError):
        second.result(PATIENCE_S)
    third.result(PATIENCE_S)
    assert lane.close(PATIENCE_S)
    assert done == [1, 3]
