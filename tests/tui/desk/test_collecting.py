"""The garbage collector leaves alone what stays, and is as before where no terminal is."""

import gc
from collections.abc import Iterator

import pytest

from megacontext.tui.desk.collecting import OLD, Collecting
from megacontext.tui.desk.news import Over, Ready, Remark

READY = Ready("m", "cpu", "text", True, "", "main", "s", ())


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_there_at_the_start_and_after_the_first_turn_is_left_alone():
    collecting = Collecting()
    assert gc.get_threshold()[2] == OLD
    counts = []
    for news in (Remark("x"), Over(), READY, Remark("x"), Over(), Over(), READY):
        fresh = [[number] for number in range(1000)]
        collecting.heard(news)
        counts.append(gc.get_freeze_count())
        del fresh
    assert counts[:2] == [0, 0]
    assert counts[2] >= 1000 and counts[3] <= counts[2]
    assert counts[4] > counts[3]
    assert counts[5:] == counts[4:5] * 2 or max(counts[5:]) <= counts[4]
