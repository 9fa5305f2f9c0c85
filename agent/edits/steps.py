"""The log of a session's edits: one JSON line for each, appended and synced before and after files change.

A torn last line, as a crash leaves it, is passed over. Knows no contents; those are blobs.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class FileStep:
    """What one step did to one file. Contents by blob name, None where there was no file."""

    path: str
    before: str | None
    after: str | None
    mode: int | None
    """Permission bits before; None for a new file."""
    folders: tuple[str, ...] = ()
    """Folders that were made for it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One edit."""

    number: int
    """From 1, never used again in the session."""
    turn: int
    """The turn of the conversation in which it was made."""
    summary: str
    files: tuple[FileStep, ...]


@dataclass(frozen=True, slots=True)
class History:
    """Which steps hold now, and which were undone and can be done again, each group undone at once."""

    done: tuple[Step, ...] = ()
    undone: tuple[tuple[Step, ...], ...] = ()
    """The last undone group last."""
    last: int = 0
    """The highest number ever given."""

    def added(self, step: Step) -> "History":
        """After a new step: what was undone cannot come back."""
        return History((*self.done, step), (), max(self.last, step.number))

    def without(self, number: int) -> "History":
        """Without a step that did not come to be."""
        return History(
            tuple(step for step in self.done if step.number != number), self.undone, self.last
        )

    def undo(self, count: int) -> "History":
        """After the last `count` steps were undone together."""
        at = len(self.done) - count
        return History(self.done[:at], (*self.undone, self.done[at:]), self.last)

    def redo(self) -> "History":
        """After the last undone group was done again."""
        return History((*self.done, *self.undone[-1]), self.undone[:-1], self.last)


class StepLog:
    """The file of a session's steps."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> History:
        """What the log says; an empty history when there is none. Raises OSError."""
        history = History()
        for record in self._records():
            match record:
                case {"op": "step"}:
                    history = history.added(_step(record))
                case {"op": "failed", "number": int(number)}:
                    history = history.without(number)
                case {"op": "undo", "count": int(count)} if 0 < count <= len(history.done):
                    history = history.undo(count)
                case {"op": "redo"} if history.undone:
                    history = history.redo()
        return history

    def _records(self) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        for line in self.path.read_bytes().splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue  # torn
            if isinstance(record, dict):
                yield record

    def add(self, step: Step) -> None:
        """Note a step that is about to be made. Raises OSError."""
        self._append({"op": "step", **asdict(step)})

    def note(self, op: str, **values: int) -> None:
        """Note `failed` (number), `undo` (count) or `redo`. Raises OSError."""
        self._append({"op": op, **values})

    def _append(self, record: dict[str, Any]) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        # A newline before as well: the line before may have been torn.
        data = b"\n" + json.dumps(record).encode() + b"\n"
        with os.fdopen(os.open(self.path, flags, 0o600), "ab") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _step(record: dict[str, Any]) -> Step:
    files = tuple(
        FileStep(each["path"], each["before"], each["after"], each["mode"], tuple(each["folders"]))
        for each in record["files"]
    )
    return Step(record["number"], record["turn"], record["summary"], files)
