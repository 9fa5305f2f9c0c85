"""Sending lines, conversations and packs to a place that others read, and getting theirs. Knows no command line.

What comes from there is input from outside: it is held against its keys, and of a conversation only what was said is
taken, nothing that points into this machine. What is sent holds no secret that can be told, or is not sent.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from megacontext.configs.errors import VersionError
from megacontext.memory.ingest.report import OnProgress, Progress
from megacontext.memory.tree.keys import digest
from megacontext.memory.versions.bundles import bundle, parents_in, take_in
from megacontext.memory.versions.cutting import cuts
from megacontext.memory.versions.folders import EntryKind
from megacontext.memory.versions.remote import Remote
from megacontext.memory.versions.snapshots import Snapshot, now
from megacontext.memory.versions.trees import EMPTY, Change

from ..chat.sessions.store import ID, RECORDS
from ..sandbox.secrets import Secrets
from .conversations import id_of, merge_conversations, new_turns, without_local
from .parts import SESSIONS
from .restoring import Restoring
from .versions import ELSEWHERE, Versions

SENDING, FETCHING = "sending snapshots", "fetching snapshots"
MOST_ANCESTORS = 100_000
How = Literal["new", "forward", "equal", "apart"]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What became of a line or conversation that was fetched."""

    name: str
    """Of the line here, or the conversation."""
    how: How
    """new; forward: ours went along; equal: nothing to get; apart: it lies beside ours, to be merged."""
    turns: int = 0
    """Of a conversation, those that came."""


class Sharing:
    """One place and one repository's versions."""

    def __init__(self, versions: Versions, remote: Remote, *, allow_secrets: bool = False) -> None:
        self._versions = versions
        self._snapshots = versions.snapshots
        self._remote = remote
        self._secrets = None if allow_secrets else Secrets(versions.working.memory.rules)

    # Lines

    def push_line(self, name: str, on_progress: OnProgress | None = None) -> int:
        """Send a line; how many snapshots went. Raises VersionError when it has moved on there, or holds secrets."""
        tip = self._snapshots.find(name)
        there = self._remote.ref("lines", name)
        if there is not None and not self._goes_on(tip.id, there):
            raise VersionError(
                f"{name} has moved on at {self._remote.url}: "
                f"`megacontext pull {self._remote.url} {name}`, merge, and push again"
            )
        sent = self._send(tip, on_progress)
        if self._remote.ref("lines", name) != there:
            raise VersionError(
                f"{name} has moved on at {self._remote.url} just now; pull, and push again"
            )
        self._remote.set_ref("lines", name, tip.id)
        return sent

    def _goes_on(self, tip: str, origin: str) -> bool:
        return self._snapshots.has(origin) and self._snapshots.came_from(tip, origin)

    def _send(self, tip: Snapshot, on_progress: OnProgress | None = None) -> int:
        """Send a snapshot and all that it came from, the oldest first, so that nothing there lacks its parents."""
        there = self._remote.snapshots()
        missing = [each for each in self._snapshots.ancestors(tip.id) if each not in there][::-1]
        for each in missing:
            self._refuse_secrets(self._snapshots.get(each))
        for done, each in enumerate(missing, 1):
            self._remote.send(each, bundle(self._snapshots, self._snapshots.get(each)))
            if on_progress is not None:
                on_progress(Progress(SENDING, done, len(missing)))
        return len(missing)

    def _refuse_secrets(self, snapshot: Snapshot) -> None:
        """Files of the repository were judged when memory read them; what was said was not."""
        if self._secrets is None:
            return
        parents = [bytes.fromhex(self._snapshots.get(each).root) for each in snapshot.parents]
        before = parents[0] if parents else EMPTY.key
        for change in self._versions.trees.changes(before, bytes.fromhex(snapshot.root)):
            if change.after is None or not change.path.startswith(SESSIONS):
                continue
            text = self._versions.objects.file(change.after)
            if found := self._secrets.by_content(said_in(text)):
                raise VersionError(
                    f"nothing was sent: in {change.path} of snapshot {snapshot.short}, {found}; "
                    "--allow-secrets sends it all the same"
                )

    def pull_line(self, name: str, on_progress: OnProgress | None = None) -> Pulled:
        """Get a line. One that is worked on here, or has gone another way, is left as it is; theirs lies beside it."""
        tip = self._remote.ref("lines", name)
        if tip is None:
            raise VersionError(
                f"{self._remote.url} has no line {name}; it has {_listed(self._remote.refs('lines'))}"
            )
        self._fetch(tip, on_progress)
        ours = self._snapshots.lines().get(name)
        if ours is not None and self._snapshots.came_from(ours, tip):
            return Pulled(name, "equal")
        is_free = name != self._snapshots.line
        if is_free and (ours is None or self._snapshots.came_from(tip, ours)):
            self._snapshots.set_line(name, tip)
            return Pulled(name, "new" if ours is None else "forward")
        beside = f"{name}{ELSEWHERE}{self._remote.name}"
        self._snapshots.set_line(beside, tip)
        return Pulled(beside, "apart")

    def _fetch(
        self, tip: str, on_progress: OnProgress | None = None, *, listed: bool = True
    ) -> None:
        """Take in a snapshot and all that it came from, the oldest first: one is kept once its parents are."""
        with TemporaryDirectory(prefix="megacontext-pull-") as folder:
            parents: dict[str, tuple[str, ...]] = {}
            waiting = [tip]
            while waiting:
                each = waiting.pop()
                if each in parents or self._snapshots.has(each):
                    continue
                data = self._remote.fetch(each)
                (Path(folder) / each).write_bytes(data)
                with self._refused(each):
                    parents[each] = parents_in(data)
                    if len(parents) > MOST_ANCESTORS:
                        raise VersionError("it goes on from more snapshots than anybody makes")
                waiting += parents[each]
            # A snapshot holds the digests of its parents, so none can come from itself.
            order = [each for each in TopologicalSorter(parents).static_order() if each in parents]
            for done, each in enumerate(order, 1):
                with self._refused(each):
                    data = (Path(folder) / each).read_bytes()
                    take_in(self._snapshots, data, each, listed=listed)
                if on_progress is not None:
                    on_progress(Progress(FETCHING, done, len(order)))

    @contextmanager
    def _refused(self, snapshot: str) -> Iterator[None]:
        try:
            yield
        except (VersionError, CycleError) as exc:
            raise VersionError(
                f"snapshot {snapshot} of {self._remote.url} is refused: {exc}"
            ) from exc

    # Conversations

    def push_session(self, wanted: str) -> tuple[str, int]:
        """Send a conversation, with the turns that are there already; its identity, and how many turns were new there.

        Raises SessionError or VersionError.
        """
        full = self._versions.sessions.full_id(wanted)
        ours = self._said(full)
        there = self._remote.ref("sessions", full)
        theirs = self._fetched_session(full, there) if there else b""
        new = len(new_turns(ours, theirs))
        if theirs and not new:
            return full, 0
        text = (
            merge_conversations(b"", theirs, without_local(ours))[0]
            if theirs
            else without_local(ours)
        )
        objects, path = self._versions.objects, f"{SESSIONS}{full}/{RECORDS}"
        with objects.writing():
            root = self._versions.trees.write({path: objects.put_file(text, cuts(path, text))})
            parents = (there,) if there else ()
            made = Snapshot(root.hex(), parents, now(), f"conversation {full}")
            self._snapshots.add(made, listed=False)
        self._send(made)
        if self._remote.ref("sessions", full) != there:
            raise VersionError(
                f"session {full} has gone on at {self._remote.url} just now; push again"
            )
        self._remote.set_ref("sessions", full, made.id)
        return full, new

    def pull_session(self, wanted: str) -> Pulled:
        """Get a conversation: turns that ours lacks go behind ours. Raises VersionError or StoreBusyError."""
        fits = {n: s for n, s in self._remote.refs("sessions").items() if n.startswith(wanted)}
        if len(fits) != 1:
            many = "several conversations" if fits else "no conversation"
            raise VersionError(
                f"{self._remote.url} has {many} {wanted}; it has {_listed(fits or self._remote.refs('sessions'))}"
            )
        ((full, tip),) = fits.items()
        theirs = self._fetched_session(full, tip)
        path = f"{SESSIONS}{full}/{RECORDS}"
        ours = self._versions.working.text(path)
        turns = len(new_turns(theirs, ours or b""))
        if ours and not turns:
            return Pulled(full, "equal")
        text = merge_conversations(b"", ours, theirs)[0] if ours else theirs
        objects = self._versions.objects
        with objects.writing():
            key = objects.put_file(text, cuts(path, text))
        change = Change(path, digest(ours) if ours else None, key)
        restoring = Restoring(self._versions.working, objects, self._versions.packs)
        restoring.check([change])
        restoring.apply([change])
        return Pulled(full, "forward" if ours else "new", turns)

    def _said(self, full: str) -> bytes:
        return self._versions.working.text(f"{SESSIONS}{full}/{RECORDS}") or b""

    def _fetched_session(self, full: str, tip: str) -> bytes:
        """What a conversation there says, without what points into another machine. Raises VersionError."""
        if not ID.fullmatch(full):
            raise VersionError(f"{full[:80]!r} names no conversation")
        self._fetch(tip, listed=False)
        root = bytes.fromhex(self._snapshots.get(tip).root)
        found = self._versions.trees.find(root, f"{SESSIONS}{full}/{RECORDS}")
        if found is None or found.kind != EntryKind.FILE:
            raise VersionError(f"snapshot {tip} of {self._remote.url} holds no conversation {full}")
        theirs = without_local(self._versions.objects.file(found.key))
        if (own := id_of(theirs)) != full:
            raise VersionError(
                f"conversation {full} of {self._remote.url} says that it is {own[:40]!r}"
            )
        return theirs


def said_in(records: bytes) -> bytes:
    """All texts of lines of JSON, as they were before they were written as JSON."""
    found: list[str] = []
    for line in records.splitlines():
        waiting: list[Any] = []
        with suppress(ValueError, RecursionError):
            waiting.append(json.loads(line))
        while waiting:
            value = waiting.pop()
            if isinstance(value, str):
                found.append(value)
            elif isinstance(value, dict):
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
    return "\n".join(found).encode("utf-8", "replace")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)[:20]) or "none"
