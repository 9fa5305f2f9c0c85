"""Readers beside a writer: what is not committed does not exist for them."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from megacontext.memory.focus import FeatureScorer, FocusQuery, TextCodec, TreeView, focus
from megacontext.memory.focus.stored_tokens import StoredTokens
from megacontext.memory.memory import Memory
from tests.memory.focus.shelf import WordCounter
from tests.memory.workbench import module, open_memory, write_files

WAIT_S = 30


@pytest.fixture
def memory(root: Path) -> Iterator[Memory]:
    write_files(root, {f"mod{n}.py": module(f"mod{n}") for n in range(4)})
    with open_memory(root) as opened:
        opened.writer.reconcile()
        yield opened


def paths(memory: Memory) -> list[str]:
    return [file.path for file in memory.catalogue.files()]


def test_nothing_is_seen_before_it_is_committed(memory: Memory):
    before = paths(memory)
    with pytest.raises(ZeroDivisionError), memory.writer.transaction():
        memory.writer.db.execute("DELETE FROM files")
        memory.writer.db.execute("DELETE FROM tree_chunks")
        assert paths(memory) == before
        chunks = memory.catalogue.chunks_of(next(memory.catalogue.files()).id)
        assert len(memory.chunk_rows(chunks)) == len({chunk.digest for chunk in chunks})
        _ = 1 / 0
    assert paths(memory) == before


def test_what_is_read_together_belongs_together(memory: Memory, root: Path):
    with memory.reading():
        before, version = paths(memory), memory.root_key
        write_files(root, {"new.py": module("new")})
        memory.writer.apply(["new.py"])
        with memory.reading():
            assert (paths(memory), memory.root_key) == (before, version)
    assert paths(memory) == sorted([*before, "new.py"])
    assert memory.root_key != version


def test_a_failed_reading_ends_all_the_same(memory: Memory, root: Path):
    with pytest.raises(ZeroDivisionError), memory.reading():
        paths(memory)
        _ = 1 / 0
    write_files(root, {"new.py": module("new")})
    memory.writer.apply(["new.py"])
    assert "new.py" in paths(memory)


def test_focus_runs_while_files_are_ingested(memory: Memory, root: Path):
    tree = TreeView(memory.catalogue)
    codec = TextCodec(tree, StoredTokens(memory), WordCounter(), memory.read)
    scorer = FeatureScorer(tree)
    done, failures = threading.Event(), []

    def write() -> None:
        try:
            for turn in range(40):
                names = [f"mod{turn % 4}.py", f"extra{turn % 3}.py"]
                write_files(root, {names[0]: module(f"turn{turn}", 1 + turn % 5)})
                extra = root / names[1]
                extra.unlink() if extra.exists() else extra.write_text(module(f"extra{turn}"))
                memory.writer.apply(names)
        except Exception as exc:  # noqa: BLE001  told by the test's own thread
            failures.append(exc)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    rounds, cut = 0, None
    while not done.is_set() or rounds < 3:
        query = FocusQuery(f"turn{rounds % 40} join value", budget=400)
        with memory.reading():
            found = focus(tree, query, codec, scorer, cut)
            codec.render(found.in_order)
            covered = [node.path for node in found.cut if node.level < 4]
            known = {file.path for file in memory.catalogue.files()}
        cut = found.cut
        assert set(covered) <= known
        assert found.total_cost <= 400
        rounds += 1
    writer.join(WAIT_S)
    assert failures == []
    assert memory.verifier().run().ok


def test_threads_take_turns_in_reading(memory: Memory):
    inside, most, lock = [], [], threading.Lock()

    def read() -> None:
        for _ in range(20):
            with memory.reading():
                with lock:
                    inside.append(1)
                    most.append(len(inside))
                paths(memory)
                with lock:
                    inside.pop()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert max(most) == 1 and len(most) == 80
