"""What differs between two states, for people and programs: files, and in each the definitions, turns or lines.

Knows no command line.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from megacontext.configs.errors import VersionError
from megacontext.memory.chunking import Chunk, chunk_file
from megacontext.memory.versions.trees import Change

from ..chat.sessions.store import RECORDS
from .conversations import new_turns
from .parts import SESSIONS
from .versions import Tree

Mark = Literal["+", "-", "~", ">"]
"""Added, gone, changed, moved."""
TITLE = 60


@dataclass(frozen=True, slots=True)
class SpanChange:
    """A piece of a file that differs."""

    mark: Mark
    name: str
    """The definition, its first line, or what was asked in a turn."""
    start_line: int
    """In the later state; in the earlier one for what is gone. 0 for a turn."""
    end_line: int


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that differs."""

    mark: Mark
    path: str
    old_path: str
    """Where it was before, if it has moved."""
    spans: tuple[SpanChange, ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)


def described(before: Tree, after: Tree, changes: Sequence[Change]) -> list[FileChange]:
    """The changes between two states, by path; a file that is elsewhere, and the same, has moved."""
    gone = {c.before: c.path for c in changes if c.after is None}
    come = {c.after: c.path for c in changes if c.before is None}
    moved = {come[key]: gone[key] for key in gone.keys() & come.keys() if key is not None}
    found = []
    for change in changes:
        if change.path in moved.values():
            continue
        if change.path in moved:
            found.append(FileChange(">", change.path, moved[change.path], ()))
            continue
        mark: Mark = "+" if change.before is None else "-" if change.after is None else "~"
        spans = tuple(_spans(change.path, *texts(before, after, change))) if mark == "~" else ()
        found.append(FileChange(mark, change.path, "", spans))
    return found


def texts(before: Tree, after: Tree, change: Change) -> tuple[bytes, bytes]:
    """A file in both states; b"" where it is not there."""
    old = before.text(change.path, change.before) if change.before else b""
    new = after.text(change.path, change.after) if change.after else b""
    return old, new


def _spans(path: str, old: bytes, new: bytes) -> Iterator[SpanChange]:
    if path.startswith(SESSIONS):
        return _turns(old, new) if path.endswith(f"/{RECORDS}") else iter(())
    return _chunks(path, old, new)


def _turns(old: bytes, new: bytes) -> Iterator[SpanChange]:
    sides: tuple[tuple[Mark, bytes, bytes], ...] = (("-", old, new), ("+", new, old))
    for mark, having, lacking in sides:
        try:
            turns = new_turns(having, lacking)
        except VersionError:
            continue
        for turn in turns:
            yield SpanChange(mark, turn.text.strip().partition("\n")[0][:TITLE], 0, 0)


def _chunks(path: str, old: bytes, new: bytes) -> Iterator[SpanChange]:
    was, now = chunk_file(path, old).chunks, chunk_file(path, new).chunks
    matcher = difflib.SequenceMatcher(None, [c.digest for c in was], [c.digest for c in now])
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag != "equal":
            yield from _paired(was[i:j], now[k:m], old, new)


def _paired(
    was: Sequence[Chunk], now: Sequence[Chunk], old: bytes, new: bytes
) -> Iterator[SpanChange]:
    """Chunks that took the place of others: those of one name have changed, the rest is gone or new."""
    names = [_name(chunk, old) for chunk in was]
    for chunk in now:
        name = _name(chunk, new)
        mark: Mark = "~" if name in names else "+"
        if mark == "~":
            names.remove(name)
        yield SpanChange(mark, name, chunk.start_line, chunk.end_line)
    for chunk in was:
        if (name := _name(chunk, old)) in names:
            names.remove(name)
            yield SpanChange("-", name, chunk.start_line, chunk.end_line)


def _name(chunk: Chunk, data: bytes) -> str:
    first = data[chunk.start : chunk.end].strip().partition(b"\n")[0].decode("utf-8", "replace")
    return chunk.symbol or first.strip()[:TITLE] or chunk.kind


def patch(before: Tree, after: Tree, changes: Sequence[Change]) -> Iterator[str]:
    """The changes as a unified diff, line by line without line ends."""
    for change in changes:
        old, new = (
            text.decode("utf-8", "replace").splitlines() for text in texts(before, after, change)
        )
        heads = (
            f"a/{change.path}" if change.before else "/dev/null",
            f"b/{change.path}" if change.after else "/dev/null",
        )
        yield from difflib.unified_diff(old, new, *heads, lineterm="")
