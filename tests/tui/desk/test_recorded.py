"""Recorded sessions: whole ones, damaged ones, streams of events; steps and times."""

import json

import pytest

from megacontext.agent.chat.events import Measures, ToolStarted, TurnEnded, TurnStarted
from megacontext.agent.events import FocusChange, FocusedEntry, Token
from megacontext.configs.errors import SessionError
from megacontext.tui.desk.recorded import LONGEST_GAP_S, read_recorded

ENTRY = FocusedEntry("a.py", 1, 9, 0, 40, 1.5, ("bm25 0.9",))
EVENTS = [
    TurnStarted(1, "why?"),
    FocusChange(100, 40, (ENTRY,), 1, 0, 2.0),
    Token("Because of what stands in a.py:1, which is long."),
    ToolStarted("call00001", "read", "a.py", {"path": "a.py"}),
    TurnEnded("done", "", Measures(queries=1, by_level={0: 40})),
]


def written(path, timed=True):
    times = [100.0, 100.2, 100.5, 900.0, 901.0]
    lines = [
        json.dumps({"at": at, **event.as_json()} if timed else event.as_json())
        for at, event in zip(times, EVENTS, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("timed", [True, False])
def test_events_come_back_as_they_were(tmp_path, timed):
    recorded = read_recorded(written(tmp_path / "events.jsonl", timed))
    assert [e for e in recorded.events if not isinstance(e, Token)] == [
        e for e in EVENTS if not isinstance(e, Token)
    ]
    assert "".join(e.text for e in recorded.events if isinstance(e, Token)) == EVENTS[2].text
    assert list(recorded.seconds) == sorted(recorded.seconds)


def test_a_folder_of_a_session_will_do(tmp_path):
    written(tmp_path / "events.jsonl")
    assert read_recorded(tmp_path).events[0] == EVENTS[0]


def test_long_waits_are_cut(tmp_path):
    assert read_recorded(written(tmp_path / "e.jsonl")).length < 3 * LONGEST_GAP_S


def test_steps_pass_over_pieces_of_text(tmp_path):
    recorded = read_recorded(written(tmp_path / "e.jsonl"))
    counts = [0]
    while counts[-1] < len(recorded.events):
        counts.append(recorded.step(counts[-1], 1))
    assert [type(recorded.events[n - 1]).__name__ for n in counts[1:]] == [
        "TurnStarted",
        "FocusChange",
        "ToolStarted",
        "TurnEnded",
    ]
    assert recorded.step(counts[2], -1) == counts[1]
    assert recorded.count_at(-1.0) == 0
    assert recorded.count_at(recorded.length) == len(recorded.events)


def test_damaged_lines_are_passed_over(tmp_path):
    path = written(tmp_path / "e.jsonl")
    path.write_text('{"event": "unknown"}\nnot json\n{"at": "x"}\n' + path.read_text() + '{"torn')
    assert read_recorded(path).events[0] == EVENTS[0]


@pytest.mark.parametrize("content", [b"", b"{}\n", b"\xff\xfe"])
def test_a_file_without_events_is_told(tmp_path, content):
    path = tmp_path / "e.jsonl"
    path.write_bytes(content)
    with pytest.raises(SessionError):
        read_recorded(path)
    with pytest.raises(SessionError, match="cannot be read"):
        read_recorded(tmp_path / "missing")
