"""That the suite says yes to the product, and no to a product with a defect."""

import pytest

from megacontext.memory.tree.store import Rows, TreeStore
from tests.memory.failing_disk import Fault

from . import kill_soak
from .conftest import named
from .task import Task

LOST = "points after which something was lost, false or not to be mended"


def of_one_fault(fault: Fault, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every point be of this fault."""
    draw = kill_soak.draw

    def drawn(seed: int, steps: dict[bool, int]) -> kill_soak.Point:
        return draw(list(Fault).index(fault) + len(Fault) * seed, steps)

    monkeypatch.setattr(kill_soak, "draw", drawn)
    monkeypatch.setattr(kill_soak, "POINTS", count)


@pytest.mark.parametrize("fault", Fault)
def test_nothing_is_lost(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    of_one_fault(fault, 2, monkeypatch)
    bars = named(kill_soak.measure(Task()))
    assert bars[LOST].verdict == "met", bars[LOST].note
    assert bars["points at which writing failed"].verdict == "met"


@pytest.mark.parametrize(
    ("defect", "fault"),
    [
        ("commits_before_it_syncs", Fault.LOST),
        ("acknowledges_what_it_will_commit", Fault.KILLED),
        ("takes_a_short_write_for_a_whole_one", Fault.SHORT),
        ("lets_the_database_sync_nothing", Fault.LOST),
    ],
)
def test_a_writer_with_a_defect_is_found_out(
    defect: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_one_fault(fault, 12, monkeypatch)
    bars = named(kill_soak.measure(Task(defect=defect)))
    assert bars[LOST].verdict == "missed"
    assert "python -m tests.soak kill --only --seed" in bars[LOST].note


def test_a_reader_that_checks_nothing_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def believing(store: TreeStore, level: int, start: int, count: int, expected: int) -> Rows:
        return store._file(level).read(start, count)

    of_one_fault(Fault.UNSYNCED, 12, monkeypatch)
    monkeypatch.setattr(TreeStore, "_checked", believing)
    assert named(kill_soak.measure(Task()))[LOST].verdict == "missed"


def test_a_point_is_the_same_from_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = {True: 400, False: 200}
    assert kill_soak.draw(7, steps) == kill_soak.draw(7, steps) != kill_soak.draw(15, steps)
