"""A session that was recorded, to be watched again: its events, each with the second at which it is shown.

Reads what a session keeps beside its conversation, and what `megacontext chat --output stream-json` prints.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from megacontext.agent.chat.sessions.recording import FILE, event_of
from megacontext.agent.events import Event, Token
from megacontext.configs.errors import SessionError

LONGEST_GAP_S = 2.0
"""Waits of people and models are cut to this."""
STEP_S = 0.4
"""Between events of which nobody wrote down when they happened."""
PIECE_CHARS, PIECE_S = 12, 0.03
"""Text that was joined when it was recorded comes in pieces again."""


@dataclass(frozen=True)
class Recorded:
    """Events in order, and when each is shown, in seconds from the start."""

    events: tuple[Event, ...]
    seconds: tuple[float, ...]

    @property
    def length(self) -> float:
        """Seconds of all of it."""
        return self.seconds[-1] if self.seconds else 0.0

    def count_at(self, seconds: float) -> int:
        """How many events are shown by then."""
        return bisect_right(self.seconds, seconds)

    def step(self, count: int, direction: int) -> int:
        """How many events are shown one step further or back: to the next that is no piece of text."""
        at = count + direction
        while 0 < at < len(self.events) and isinstance(self.events[at - 1], Token):
            at += direction
        return max(0, min(len(self.events), at))


def read_recorded(path: Path) -> Recorded:
    """Read a file of events, or the folder of a session; raises SessionError when there are none."""
    file = path / FILE if path.is_dir() else path
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise SessionError(f"{file} cannot be read as a recorded session: {exc}") from exc
    found = list(_events(lines))
    if not found:
        raise SessionError(f"{file} holds no events of a session")
    return _timed(found)


def _events(lines: list[str]) -> Iterator[tuple[float | None, Event]]:
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            data: dict[str, Any] = json.loads(line)
            at = data.pop("at", None)
            yield (None if at is None else float(at)), event_of(data)


def _timed(found: list[tuple[float | None, Event]]) -> Recorded:
    events: list[Event] = []
    seconds: list[float] = []
    now, before = 0.0, None
    for at, event in found:
        gap = STEP_S if at is None or before is None else at - before
        now += max(0.0, min(gap, LONGEST_GAP_S)) if events else 0.0
        before = at
        for piece in _pieces(event):
            events.append(piece)
            seconds.append(now)
            now += PIECE_S * isinstance(piece, Token)
    return Recorded(tuple(events), tuple(seconds))


def _pieces(event: Event) -> Iterator[Event]:
    if not isinstance(event, Token):
        yield event
        return
    for start in range(0, len(event.text), PIECE_CHARS):
        yield Token(event.text[start : start + PIECE_CHARS])
