"""Taking a snapshot back into the working state: what is in the way is told before anything is written.

A snapshot may come from somebody else. Its paths lead nowhere but below the repository, to no file of git's or ours,
and to none that the rules keep out of memory; nothing is overwritten but what memory knows as it is.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from filelock import FileLock, Timeout

from megacontext.configs.errors import StoreBusyError, ToolError, VersionError
from megacontext.memory.packs.mounts import Mount, mount, mounts_of, unmount
from megacontext.memory.packs.store import PackStore
from megacontext.memory.tree.keys import digest
from megacontext.memory.versions.objects import Objects
from megacontext.memory.versions.trees import Change

from ..chat.sessions.recording import FILE as EVENTS
from ..chat.sessions.store import ID, LOCK_WAIT_S, RECORDS
from ..edits import inside
from .parts import MOUNT, PACKS, REPOSITORY, SESSIONS
from .working import Working

MOST_NAMED = 10


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done."""

    written: tuple[str, ...]
    """Files of the repository."""
    deleted: tuple[str, ...]
    sessions: tuple[str, ...]
    """Conversations that were written."""
    packs: tuple[str, ...]
    """Mounted, or taken from beside the repository."""
    notices: tuple[str, ...]
    """What could not be done, and how to mend it."""


class Restoring:
    """Changes of one working state, as a snapshot of it was kept a moment ago."""

    def __init__(self, working: Working, objects: Objects, packs: PackStore) -> None:
        self._working = working
        self._objects = objects
        self._packs = packs
        self._root = working.places.root

    def check(self, changes: Iterable[Change]) -> None:
        """Raise VersionError with all that is in the way of some changes."""
        found = [f"  {c.path}: {reason}" for c in changes if (reason := self._obstacle(c))]
        if found:
            more = f"\n  and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
            shown = "\n".join(found[:MOST_NAMED])
            raise VersionError(f"nothing was restored, since these are in the way:\n{shown}{more}")

    def _obstacle(self, change: Change) -> str | None:
        if change.path.startswith(REPOSITORY):
            return self._in_repository(change.path.removeprefix(REPOSITORY), change)
        parts = change.path.split("/")
        if change.path.startswith(SESSIONS):
            sound = len(parts) == 3 and ID.fullmatch(parts[1]) and parts[2] in (RECORDS, EVENTS)
            return None if sound else "it is no conversation"
        if change.path.startswith(PACKS):
            return None if len(parts) == 2 and parts[1].endswith(MOUNT) else "it is no pack"
        return "a snapshot of this kind is not known here; upgrade MegaContext"

    def _in_repository(self, path: str, change: Change) -> str | None:
        try:
            inside.parts_of(path)
            if kept := inside.kept_from_tools(path):
                return kept
            if change.after is not None and (rule := self._working.memory.rules.by_path(path)):
                return f"memory leaves it out: {rule}"
            found = inside.read(self._root, path)
        except ToolError as exc:
            return str(exc)
        key = digest(found.data) if found else None
        if key in (change.before, change.after):
            return None
        if change.before is None:
            return "a file that memory does not hold is there; move it away"
        return "it has changed since memory looked; try again"

    def apply(self, changes: Sequence[Change]) -> Restored:
        """Make some changes; `check` them first. Raises VersionError, or StoreBusyError when a conversation is open."""
        written, deleted, packs, notices = list[str](), list[str](), list[str](), list[str]()
        sessions = sorted({c.path.split("/")[1] for c in changes if c.path.startswith(SESSIONS)})
        locks = [self._lock(each) for each in sessions]
        try:
            # What is deleted goes first, so that a folder can take the place of a file.
            for change in sorted(changes, key=lambda change: change.after is not None):
                if change.path.startswith(REPOSITORY):
                    path = change.path.removeprefix(REPOSITORY)
                    self._write(path, change)
                    (deleted if change.after is None else written).append(path)
                elif change.path.startswith(SESSIONS):
                    self._write_session(change)
                else:
                    packs += self._mount(change, notices)
        except ToolError as exc:
            raise VersionError(
                f"restoring stopped at {exc}; what was there before is in the latest snapshot"
            ) from exc
        finally:
            for lock in locks:
                lock.release()
        return Restored(
            tuple(written), tuple(deleted), tuple(sessions), tuple(packs), tuple(notices)
        )

    def _write(self, path: str, change: Change) -> None:
        if change.after is not None:
            inside.replace(self._root, path, self._objects.file(change.after))
            return
        parts = path.split("/")[:-1]
        inside.remove(self._root, path, ["/".join(parts[: n + 1]) for n in range(len(parts))])

    def _write_session(self, change: Change) -> None:
        # A conversation is never deleted: what the snapshot does not know of came after it.
        if change.after is not None:
            inside.replace(
                self._working.places.state, change.path, self._objects.file(change.after), 0o600
            )

    def _lock(self, session: str) -> FileLock:
        folder = self._working.places.state / "sessions" / session
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(folder / "lock")
        try:
            lock.acquire(timeout=LOCK_WAIT_S)
        except Timeout as exc:
            raise StoreBusyError(
                f"session {session} is open in another process; close it there"
            ) from exc
        return lock

    def _mount(self, change: Change, notices: list[str]) -> list[str]:
        places = self._working.places
        name = change.path.removeprefix(PACKS).removesuffix(MOUNT)
        if change.after is None:
            held = [each for each in mounts_of(places) if each.name == name]
            return [f"-{unmount(places, each.name).label}" for each in held]
        try:
            wanted = Mount(**json.loads(self._objects.file(change.after)))
        except (ValueError, TypeError):
            notices.append(f"which version of {name} was mounted cannot be read")
            return []
        stored = self._packs.get(wanted.id) if isinstance(wanted.id, str) else None
        if stored is None:
            notices.append(
                f"{wanted.label} was mounted then and is not on this machine; `megacontext pack add` its file"
            )
            return []
        # What a pack is called is its own affair, and not that of whoever wrote the snapshot.
        mount(places, Mount.of(stored.manifest, _share(wanted.share)))
        return [f"+{stored.manifest.label}"]


def _share(share: object) -> float | None:
    return float(share) if isinstance(share, int | float) and 0 <= share <= 0.9 else None
