"""Bringing two states of one conversation together: every turn of both is kept, none twice. Knows no file."""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from hashlib import blake2b
from typing import Any

from megacontext.configs.errors import VersionError
from megacontext.memory.versions.merging import Driver

from ..chat.conversation import Conversation, Record, Turn
from ..chat.sessions.store import RECORDS
from .parts import PACKS, SESSIONS

LOCAL = "edit"
"""Records that point into a journal of the machine they were written on."""
TAKEN_BACK = ("withdraw", "restore")


def merge_conversations(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, str]:
    """Ours, with the turns behind it that only theirs has. A turn that one side took back stays if the other has it."""
    del base  # whatever is in it is in one of the two, or was taken back in both
    if theirs.startswith(ours):
        return theirs, ""
    if ours.startswith(theirs):
        return ours, ""
    try:
        return ours + added(ours, new_turns(theirs, ours)), ""
    except VersionError as exc:
        return ours, f"{exc}; ours is kept"


def added(ours: bytes, turns: Iterable[Turn]) -> bytes:
    """The records that go on from a conversation with turns of another one; raises VersionError."""
    records: list[Record] = []
    conversation = _conversation(_read(ours), records.append)
    for turn in turns:
        conversation.copy(turn)
    return b"".join(map(_line, records))


def merge_events(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, str]:
    """Ours, with the lines behind it that only theirs has."""
    del base
    held = set(ours.splitlines())
    new = [line + b"\n" for line in theirs.splitlines() if line not in held]
    return ours + b"".join(new), ""


def keep_mount(base: bytes, ours: bytes, theirs: bytes) -> tuple[bytes, str]:
    """Of two versions of a pack one can be mounted: ours."""
    del base
    return ours, "" if ours == theirs else "two versions of a pack; ours is kept"


def driver_of(path: str) -> Driver | None:
    """What merges a file of a snapshot that is no plain text."""
    if path.startswith(SESSIONS):
        return merge_conversations if path.endswith(f"/{RECORDS}") else merge_events
    return keep_mount if path.startswith(PACKS) else None


def without_local(records: bytes) -> bytes:
    """A conversation as another machine may have it: without what points into a journal of this one."""
    return b"".join(_line(record) for record in _read(records) if record.get("kind") != LOCAL)


def id_of(records: bytes) -> str:
    """The identity that a conversation gives itself; raises VersionError when it cannot be read."""
    return _conversation(_read(records)).id


def new_turns(theirs: bytes, ours: bytes) -> list[Turn]:
    """The turns of one conversation that another (b"" for none) never had; raises VersionError."""
    held = {identity(turn) for turn in _ever(_read(ours))} if ours else set()
    return [turn for turn in _conversation(_read(theirs)).turns if identity(turn) not in held]


def identity(turn: Turn) -> bytes:
    """Equal for equal turns, whichever files they changed."""
    said = [
        (
            message.role,
            str(message.content),
            [(call.name, call.arguments) for call in message.calls],
        )
        for message in turn.messages
    ]
    data: Any = (turn.text, turn.started, said, turn.ending, turn.detail)
    return blake2b(json.dumps(data, default=str).encode(), digest_size=16).digest()


def _read(data: bytes) -> list[Record]:
    records = []
    for line in data.splitlines():
        with suppress(ValueError, RecursionError):
            record = json.loads(line)
            if isinstance(record, dict):
                records.append(record)
    return records


def _conversation(
    records: Iterable[Record], keep: Callable[[Record], None] | None = None
) -> Conversation:
    try:
        return Conversation.replayed(records, keep)
    except (ValueError, KeyError, TypeError) as exc:
        raise VersionError(f"a conversation cannot be read ({exc})") from exc


def _ever(records: Iterable[Record]) -> list[Turn]:
    """Every turn that was, also those that were taken back."""
    return _conversation(r for r in records if r.get("kind") not in TAKEN_BACK).turns


def _line(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=True).encode() + b"\n"
