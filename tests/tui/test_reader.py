"""Figures of a turn: no faster than one can read them, and never the last but one."""

from types import SimpleNamespace
from typing import Any

import pytest

from megacontext.agent.events import Token, Usage
from megacontext.tui.desk.news import Failed, Happened, Over
from megacontext.tui.screens import reader as module
from megacontext.tui.screens.reader import FIGURES_S, Parts, Reader
from megacontext.tui.widgets.turn_line import TurnState

USAGE = Happened(Usage("m", 1000, 250, 40, "stop", 9.0, None))
TEXT = Happened(Token("text "))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def reader() -> Reader:
    items: list[Any] = []
    transcript = SimpleNamespace(
        items=items, add=lambda *added: items.extend(added), changed=lambda _: None
    )
    approval = SimpleNamespace(close=lambda: None)
    turn = SimpleNamespace(state=TurnState())
    parts: Any = Parts(transcript, SimpleNamespace(), turn, SimpleNamespace(), None, approval)
    return Reader(parts, "name", 100)


def figures(reader: Reader) -> str:
    return reader.parts.turn.state.figures


def test_figures_follow_the_text_slowly_and_everything_else_at_once(reader, clock):
    reader.begin("go")
    reader.read([TEXT])
    told = set()
    for count in range(100):
        clock.now += FIGURES_S / 10
        reader.read([TEXT] * count)
        told.add(figures(reader))
    assert 5 < len(told) < 15
    reader.read([TEXT, USAGE])
    assert "1,000 in  40 out" in figures(reader) and "reused 25%" in figures(reader)


def test_the_last_figures_are_told_however_fast_the_end_comes(reader, clock):
    reader.begin("go")
    reader.read([TEXT, TEXT, USAGE, TEXT, USAGE, Over()])
    assert "2,000 in  80 out" in figures(reader)
    assert reader.parts.turn.state.working == ""


def test_pieces_of_one_frame_are_one_piece(reader):
    reader.begin("go")
    reader.read([TEXT] * 1000)
    assert [item.plain for item in reader.parts.transcript.items] == ["go", "text " * 1000]


def test_a_fault_is_not_swallowed(reader):
    with pytest.raises(KeyError, match="why"):
        reader.read([Failed(KeyError("why"))])
