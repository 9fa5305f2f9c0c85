"""What happened in a session, event by event with its time, so that it can be watched again. Knows no screen."""

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ... import events as plain
from .. import events as chat
from ..events import Measures

FILE = "events.jsonl"
KINDS = {
    kind.kind: kind
    for module in (plain, chat)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, plain.Event) and kind is not plain.Event
}


class Recording:
    """Writes the events of one session. A disk that is full loses the recording, not the session."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the session's; nothing is written before it is there."""
        self.folder = folder
        self._text = ""
        self._since = 0.0

    def note(self, event: plain.Event) -> None:
        """Write an event; pieces of text are joined until something else happens, those of calls left out."""
        now = time.time()
        if isinstance(event, chat.Writing):
            return
        if isinstance(event, plain.Token):
            self._since = self._since if self._text else now
            self._text += event.text
            return
        lines = [_line(now, event)]
        if self._text:
            lines.insert(0, _line(self._since, plain.Token(self._text)))
            self._text = ""
        with suppress(OSError), (self.folder / FILE).open("a", encoding="utf-8") as file:
            file.writelines(lines)


def recorded(folder: Path) -> Iterator[tuple[float, plain.Event]]:
    """The events of a session's folder, each with its time in seconds since the epoch; damaged ones are left out."""
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            data = json.loads(line)
            yield float(data.pop("at")), event_of(data)


def event_of(data: dict[str, Any]) -> plain.Event:
    """The event that `Event.as_json` gave; raises KeyError or TypeError when it is none."""
    values = {key: value for key, value in data.items() if key != "event"}
    kind = KINDS[data["event"]]
    if kind is plain.FocusChange:
        entries = [entry | {"reasons": tuple(entry["reasons"])} for entry in values["entries"]]
        values["entries"] = tuple(plain.FocusedEntry(**entry) for entry in entries)
    if kind is plain.Cited:
        values["reasons"] = tuple(values["reasons"])
    if kind is chat.TurnEnded:
        measures = values["measures"]
        levels = {int(name[1:]): cost for name, cost in measures["by_level"].items()}
        values["measures"] = Measures(**(measures | {"by_level": levels}))
    event: plain.Event = kind(**values)
    return event


def _line(at: float, event: plain.Event) -> str:
    return json.dumps({"at": round(at, 3), **event.as_json()}) + "\n"
