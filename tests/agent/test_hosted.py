"""A repository kept open for servers: what is said while it is not."""

import threading

import pytest

from megacontext.agent import hosted
from megacontext.agent.hosted import Hosted
from megacontext.configs.errors import StoreError
from megacontext.memory.focus import FocusQuery
from tests.patience import PATIENCE_S


@pytest.fixture
def opened(workplace, monkeypatch):
    for name in ("OPEN_S", "INDEX_S", "CLOSE_S"):
        monkeypatch.setattr(hosted, name, PATIENCE_S)
    made = []

    def make(**settings):
        made.append(Hosted(workplace(memory__gists="off", **settings)))
        return made[-1]

    yield make
    assert all(each.close() for each in made)


def test_what_cannot_be_opened_says_why(repository, opened, tmp_path):
    (repository / ".megacontext").rmdir()
    (tmp_path / "elsewhere").mkdir()
    (repository / ".megacontext").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="symbolic link"):
        opened().engine()


def test_the_first_index_is_waited_for_and_the_wait_can_be_cancelled(opened, monkeypatch):
    place = opened()
    assert place.wait_for_index(threading.Event())
    assert place.indexed() == ""
    cancelled = threading.Event()
    cancelled.set()
    assert not place.wait_for_index(cancelled)
    monkeypatch.setattr(hosted, "INDEX_S", 0.01)
    place._indexed.clear()
    assert "still being indexed" in place.indexed()


def test_engines_of_one_place_share_memory_and_not_their_focus(opened):
    place = opened()
    place.wait_for_index(threading.Event())
    one, two = place.new_engine(), place.new_engine()
    one.focus(FocusQuery(text="greeting", budget=500))
    assert one.memory is two.memory
    assert one.focused is not None
    assert two.focused is None
