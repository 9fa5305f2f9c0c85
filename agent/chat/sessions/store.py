"""Sessions on disk: one folder each, with the records of a conversation as lines of JSON, only ever appended to.

A torn last line, of a process that died, is cut when the session is written on. When the disk is full the conversation
goes on in memory, and what is missing is written as soon as there is room again. Knows no model and no screen.
"""

import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from megacontext.configs.errors import SessionError, StoreBusyError
from megacontext.memory.places import Places

from ..conversation import Conversation, Record

RECORDS = "conversation.jsonl"
VERSION = 1
ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{4}")
LOCK_WAIT_S = 0.2
MESSAGE = b'{"kind": "message"'
"""How the records begin that take most of the room."""
OWN_FACTS = {"version", "created", "parent"}
"""What a fork has of its own."""


@dataclass(frozen=True)
class SessionInfo:
    """A saved session, as a list shows it."""

    id: str
    title: str
    turns: int
    created: float
    """Seconds since the epoch."""
    updated: float
    model: str
    parent: str | None
    """The session it was forked from."""


class Session:
    """A conversation and where it is kept. Close it, or use it in a `with` statement."""

    def __init__(self, folder: Path, conversation: Conversation | None = None) -> None:
        """A new session, or with `conversation` one that was read from `folder`."""
        self.folder = folder
        self.problem: str | None = None
        """Why records are kept in memory only; None while all is on disk."""
        self._waiting: list[bytes] = []
        self._size = 0
        self._lock: FileLock | None = None
        self.conversation = conversation or Conversation(folder.name, self.keep)

    @property
    def file(self) -> Path:
        """The records."""
        return self.folder / RECORDS

    def keep(self, record: Record) -> None:
        """Write a record; the folder is made with the first turn, so that nothing is left of a session without any."""
        self._waiting.append(json.dumps(record, ensure_ascii=True).encode() + b"\n")
        if record["kind"] == "session":
            return
        try:
            self._write(durably=record["kind"] == "end")
            self.problem = None
        except OSError as exc:
            self.problem = f"this session is kept in memory only: {exc.strerror} ({self.file})"

    def _write(self, *, durably: bool) -> None:
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        if self._lock is None:
            self.lock()
        with self.file.open("ab", buffering=0) as file:
            # Whatever a failed attempt has left behind is in the way of what follows.
            if file.seek(0, os.SEEK_END) != self._size:
                file.truncate(self._size)
            data = b"".join(self._waiting)
            while data:
                data = data[file.write(data) :]
            if durably:
                os.fdatasync(file.fileno())
            self._size += sum(map(len, self._waiting))
            self._waiting.clear()

    def lock(self) -> None:
        """Be the only one to write this session; raises StoreBusyError when another process does."""
        lock = FileLock(self.folder / "lock")
        try:
            lock.acquire(timeout=LOCK_WAIT_S)
        except Timeout as exc:
            raise StoreBusyError(
                f"session {self.folder.name} is open in another process; close it there, or fork it"
            ) from exc
        self._lock = lock

    def go_on(self, size: int) -> None:
        """Append behind the first `size` bytes, which are whole records; raises SessionError or StoreBusyError."""
        self._size = size
        try:
            self.lock()
        except OSError as exc:
            raise SessionError(
                f"{self.folder} cannot be written: {exc.strerror}; fork the session"
            ) from exc

    def close(self) -> None:
        """Let other processes write it."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> "Session":
        """The session."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


class Sessions:
    """All sessions of one repository."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.folder = places.state / "sessions"

    def new(self, **facts: Any) -> Session:
        """A session that is on disk from its first turn on; `facts` are noted at its start."""
        session = Session(self.folder / _new_id())
        session.conversation.start(version=VERSION, created=round(time.time(), 3), **facts)
        return session

    def open(self, session_id: str) -> Session:
        """Go on with a saved session; its id may be shortened.

        Raises SessionError when there is none or it cannot be read, StoreBusyError when it is open elsewhere.
        """
        folder = self.folder / self.full_id(session_id)
        session = Session(folder)
        records, size = _records(session.file)
        session.conversation = _replayed(records, session)
        session.go_on(size)
        return session

    def read(self, session_id: str) -> Conversation:
        """A saved session to look at; raises SessionError."""
        session = Session(self.folder / self.full_id(session_id))
        return _replayed(_records(session.file)[0], session, keep=False)

    def fork(self, session_id: str, turns: int | None = None, **facts: Any) -> Session:
        """A new session that begins with the first `turns` turns of another one (None: all); that one is left alone.

        Raises SessionError.
        """
        origin = self.read(session_id)
        kept = {key: value for key, value in origin.facts.items() if key not in OWN_FACTS}
        session = self.new(**(kept | facts | {"parent": origin.id}))
        for turn in origin.turns[:turns]:
            session.conversation.copy(turn)
        return session

    def list(self) -> list[SessionInfo]:
        """Every session that can be read, the latest first."""
        found = [info for id_ in self._ids() if (info := self._info(id_)) is not None]
        return sorted(found, key=lambda info: (info.updated, info.id), reverse=True)

    def latest(self) -> str:
        """Id of the session that was written last; raises SessionError when there is none."""
        sessions = self.list()
        if not sessions:
            raise SessionError(f"there is no session of {self.places.root} yet; start one")
        return sessions[0].id

    def delete(self, session_id: str) -> None:
        """Delete a session; raises SessionError, or StoreBusyError when it is open."""
        session = Session(self.folder / self.full_id(session_id))
        session.lock()
        session.close()
        try:
            shutil.rmtree(session.folder)
        except OSError as exc:
            raise SessionError(f"{session.folder} cannot be deleted: {exc.strerror}") from exc

    def full_id(self, session_id: str) -> str:
        """The id that begins, or ends, with what was typed; raises SessionError when there is none or several."""
        fits = [
            each
            for each in self._ids()
            if session_id and (each.startswith(session_id) or each.endswith(session_id))
        ]
        if len(fits) != 1:
            many = "several sessions fit" if fits else "there is no session"
            raise SessionError(f"{many} {session_id!r}; `megacontext sessions` lists them")
        return fits[0]

    def _ids(self) -> Iterator[str]:
        with suppress(OSError):
            yield from (each.name for each in self.folder.iterdir() if ID.fullmatch(each.name))

    def _info(self, id_: str) -> SessionInfo | None:
        session = Session(self.folder / id_)
        try:
            records, _ = _records(session.file, without=MESSAGE)
            conversation = _replayed(records, session, keep=False)
            updated = session.file.stat().st_mtime
        except (SessionError, OSError):
            return None
        facts = conversation.facts
        return SessionInfo(
            id=id_,
            title=conversation.title,
            turns=len(conversation.turns),
            created=float(facts.get("created", updated)),
            updated=updated,
            model=str(facts.get("model", "")),
            parent=facts.get("parent"),
        )


def _new_id() -> str:
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def _records(path: Path, without: bytes | None = None) -> tuple[list[Record], int]:
    """The records of a file that can be read, but those that begin so, and where the last of them ends."""
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise SessionError(f"{path} cannot be read: {exc.strerror}") from exc
    records: list[Record] = []
    end = size = 0
    for line in data.splitlines(keepends=True):
        end += len(line)
        if without and line.startswith(without):
            continue
        with suppress(ValueError):
            record = json.loads(line)
            if line.endswith(b"\n") and isinstance(record, dict):
                records.append(record)
                size = end
    return records, size


def _replayed(records: list[Record], session: Session, *, keep: bool = True) -> Conversation:
    version = records[0].get("version", VERSION) if records else VERSION
    if not isinstance(version, int) or version > VERSION:
        raise SessionError(
            f"session {session.folder.name} was written by a newer MegaContext; upgrade it"
        )
    try:
        return Conversation.replayed(records, session.keep if keep else None)
    except (ValueError, KeyError, TypeError) as exc:
        raise SessionError(f"{session.file} is damaged ({exc}); delete {session.folder}") from exc
