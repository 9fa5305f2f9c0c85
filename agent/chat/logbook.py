"""Figures of every turn as lines of JSON, one file a day: what was done and what it took, never what was said.

Knows nothing of prompts; names of tools are in it, their arguments are not.
"""

import json
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..events import Event, FocusChange, Usage
from .events import CheckFinished, PermissionGiven, ToolFinished, TurnEnded


class Logbook:
    """Writes the events of one session. A disk that is full loses figures, not the session."""

    def __init__(self, folder: Path | None, session: str) -> None:
        """`folder` None writes nothing."""
        self._folder = folder
        self._session = session

    def note(self, turn: int, event: Event) -> None:
        """Write what an event tells in figures; most tell none."""
        figures = _figures(event)
        if self._folder is None or figures is None:
            return
        now = time.time()
        line = {"at": round(now, 3), "session": self._session, "turn": turn, "event": event.kind}
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            day = time.strftime("%Y-%m-%d", time.localtime(now))
            with (self._folder / f"{day}.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(line | figures) + "\n")


def _figures(event: Event) -> dict[str, Any] | None:
    match event:
        case Usage():
            return {key: value for key, value in asdict(event).items() if key != "mean_logprob"}
        case FocusChange():
            levels: dict[str, int] = {}
            for entry in event.entries:
                levels[f"L{entry.level}"] = levels.get(f"L{entry.level}", 0) + entry.cost
            return {
                "source": event.source,
                "budget": event.budget,
                "positions": event.total_cost,
                "by_level": levels,
                "expanded": event.expanded,
                "collapsed": event.collapsed,
                "ms": event.ms,
            }
        case ToolFinished():
            return {"tool": event.name, "ok": event.ok, "ms": event.ms, "chars": len(event.text)}
        case PermissionGiven():
            return {"allowed": event.allowed}
        case CheckFinished():
            return {"ok": event.ok}
        case TurnEnded():
            return {"reason": event.reason, "measures": event.as_json()["measures"]}
    return None
