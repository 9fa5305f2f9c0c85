"""Everything that can be done with versions of one repository's memory. Knows no command line and no network."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from megacontext.configs.errors import SessionError, ToolError, VersionError
from megacontext.memory.ingest.report import OnProgress
from megacontext.memory.memory import Memory
from megacontext.memory.packs.store import PackStore
from megacontext.memory.packs.unpacking import Reader
from megacontext.memory.versions.merging import Labels, Merged, Merger, Side
from megacontext.memory.versions.objects import Objects
from megacontext.memory.versions.snapshots import Snapshot, Snapshots, now
from megacontext.memory.versions.trees import Change, Trees

from ..chat.sessions.store import RECORDS, Sessions
from ..edits import inside
from .conversations import driver_of, new_turns
from .parts import REPOSITORY, SESSIONS, STORE, Part
from .restoring import Restored, Restoring
from .working import Working

NOW = "now"
ELSEWHERE = "@"
"""In the names of lines that were pulled and lie beside ours: `main@shared`."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A state that can be compared."""

    label: str
    root: bytes
    text: Callable[[str, bytes], bytes]
    """The bytes of a file, by path and key."""


@dataclass(frozen=True, slots=True)
class Merge:
    """What came of a merge."""

    snapshot: Snapshot
    merged: Merged | None
    """None when one side had all of the other already."""
    restored: Restored | None = None
    """What became of the working state; None where it was not touched."""


class Versions:
    """Close it, or use it in a `with` statement. The memory was brought up to date."""

    def __init__(self, memory: Memory, packs: PackStore, reader: Reader) -> None:
        """Open the store beside the memory, `reader` for packs; raises StoreError."""
        memory.places.make_state_folder()
        self.working = Working(memory)
        self.objects = Objects(memory.places.state / STORE)
        self.snapshots = Snapshots(self.objects)
        self.trees = Trees(self.objects)
        self.sessions = Sessions(memory.places)
        self.packs = packs
        self._reader = reader

    def close(self) -> None:
        """Close the store."""
        self.objects.close()

    def __enter__(self) -> "Versions":
        """The versions."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close them."""
        self.close()

    # Saving and forking

    def save(
        self, message: str = "", on_progress: OnProgress | None = None, *, again: bool = True
    ) -> tuple[Snapshot, bool]:
        """The snapshot of what is now, and whether it was made; without `again`, not when the last one is equal."""
        with self.objects.writing():
            root = self.working.keep(self.objects, on_progress)
            head = self.snapshots.get(self.snapshots.head) if self.snapshots.head else None
            if head is not None and head.root == root.hex() and not again:
                return head, False
            return self.snapshots.save(root, message), True

    def fork(self, name: str, wanted: str = NOW) -> Snapshot:
        """A new line that begins with a snapshot, or with what is now, which goes on on it. Raises VersionError."""
        if name in self.snapshots.lines():
            raise VersionError(
                f"there is a line {name} already; `megacontext snapshot restore {name}` goes there"
            )
        with self.objects.writing():
            if wanted != NOW:
                snapshot = self.snapshots.find(wanted)
                self.snapshots.set_line(name, snapshot.id)
                return snapshot
            snapshot, _ = self.save(f"forked as {name}", again=False)
            self.snapshots.set_line(name, snapshot.id)
            self.snapshots.stand_at(snapshot.id, name)
        return snapshot

    # Comparing

    @contextmanager
    def compared(self, before: str, after: str) -> Iterator[tuple[Tree, Tree, list[Change]]]:
        """Two states and the files that they do not have alike; see `_tree`. Leaves nothing behind.

        Raises VersionError, PackError or SessionError for what is no state.
        """
        with ExitStack() as closing, self.objects.trying():
            old, new = (self._tree(wanted, closing) for wanted in (before, after))
            yield old, new, list(self.trees.changes(old.root, new.root))

    def _tree(self, wanted: str, closing: ExitStack) -> Tree:
        """What `now`, a line, an identity, `pack:NAME` or `session:ID` means."""
        kind, _, name = wanted.partition(":")
        if kind == "pack" and name:
            return self._pack(name, closing)
        if kind == "session" and name:
            return self._session(name)
        if wanted == NOW:
            root = self.trees.write(self.working.keys())
            return Tree(NOW, root, lambda path, _: self.working.text(path) or b"")
        snapshot = self.snapshots.find(wanted)
        label = snapshot.short if snapshot.id.startswith(wanted) else wanted
        return Tree(label, bytes.fromhex(snapshot.root), lambda _, key: self.objects.file(key))

    def _pack(self, wanted: str, closing: ExitStack) -> Tree:
        stored = self.packs.named(wanted)
        pack = stored.open(self._reader)
        closing.callback(pack.close)
        with pack.reading():
            files = {REPOSITORY + file.path: file.digest for file in pack.catalogue.files()}
        return Tree(
            stored.manifest.label,
            self.trees.write(files),
            lambda path, _: pack.read(path.removeprefix(REPOSITORY)) or b"",
        )

    def _session(self, wanted: str) -> Tree:
        full = self.sessions.full_id(wanted)
        above = f"{SESSIONS}{full}/"
        # Both conversations are to lie at one path, so that they are compared.
        files = {
            p.removeprefix(above): key
            for p, key in self.working.keys().items()
            if p.startswith(above)
        }
        root = self.trees.write({f"{SESSIONS}{path}": key for path, key in files.items()})
        return Tree(
            full,
            root,
            lambda path, _: self.working.text(above + path.removeprefix(SESSIONS)) or b"",
        )

    # Merging

    def merge(self, a: str, b: str, prefer: Side | None = None) -> Merge:
        """A snapshot with all that two have. A line `a` moves on to it; what is now too, when `a` is what it is on.

        Where both changed a place and neither is preferred, both sides stand in the snapshot. Raises VersionError.
        """
        into = self.snapshots.line if a == NOW else a
        here = into == self.snapshots.line
        if here:
            self.save(f"before merging {b}", again=False)
        ours = self.snapshots.get(self.snapshots.head or "") if here else self.snapshots.find(a)
        theirs = self.snapshots.find(b)
        with self.objects.writing():
            found = self._merged(ours, theirs, Labels(_name(a, ours), _name(b, theirs)), prefer)
        restored = None
        if here and found.snapshot.root != ours.root:
            restored = self._restored(ours.root, found.snapshot.root)
        with self.objects.writing():
            if into in self.snapshots.lines():
                self.snapshots.set_line(into, found.snapshot.id)
            if here:
                self.snapshots.stand_at(found.snapshot.id)
        return replace(found, restored=restored)

    def _merged(
        self, ours: Snapshot, theirs: Snapshot, labels: Labels, prefer: Side | None
    ) -> Merge:
        base = self.snapshots.base_of(ours.id, theirs.id)
        if base == theirs.id:
            return Merge(ours, None)
        if base == ours.id:
            return Merge(theirs, None)
        origin = bytes.fromhex(self.snapshots.get(base).root) if base else None
        roots = [bytes.fromhex(each.root) for each in (ours, theirs)]
        merged = Merger(self.objects, labels, driver_of, prefer).merge(origin, roots[0], roots[1])
        unsettled = tuple(conflict.unsettled for conflict in merged.conflicts)
        message = f"{labels.b} merged into {labels.a}"
        made = Snapshot(merged.root.hex(), (ours.id, theirs.id), now(), message, unsettled)
        return Merge(self.snapshots.add(made), merged)

    def merge_sessions(self, a: str, b: str) -> tuple[str, int]:
        """A new conversation with every turn of two; its identity, and how many turns it has. Both are left alone.

        Raises SessionError or VersionError.
        """
        ours, theirs = (self.sessions.full_id(each) for each in (a, b))
        files = [self.working.text(f"{SESSIONS}{each}/{RECORDS}") or b"" for each in (ours, theirs)]
        with self.sessions.fork(ours, merged=theirs) as session:
            for turn in new_turns(files[1], files[0]):
                session.conversation.copy(turn)
            if session.problem:
                raise SessionError(session.problem)
            return session.folder.name, len(session.conversation.turns)

    # Restoring

    def restore(
        self, wanted: str, parts: Collection[Part] = (), paths: Collection[str] = ()
    ) -> tuple[Snapshot, Restored]:
        """Make what is now equal to a snapshot, or only some of it; what was before is saved, and given back.

        Conversations that the snapshot does not know of stay. Raises VersionError, with all that is in the way.
        """
        target = self.snapshots.find(wanted)
        before, _ = self.save(f"before restoring {_name(wanted, target)}", again=False)
        restored = self._restored(before.root, target.root, parts, paths)
        if not parts and not paths:
            self._go_to(target, wanted)
        return before, restored

    def _go_to(self, target: Snapshot, wanted: str) -> None:
        """Go on from a snapshot: on the line of that name, else the line that is worked on ends there now."""
        with self.objects.writing():
            # A line of elsewhere is only looked at: what is saved belongs to ours.
            is_own = wanted in self.snapshots.lines() and ELSEWHERE not in wanted
            self.snapshots.stand_at(target.id, wanted if is_own else None)
            self.snapshots.set_line(self.snapshots.line, target.id)

    def _restored(
        self,
        before: str,
        after: str,
        parts: Collection[Part] = (),
        paths: Collection[str] = (),
    ) -> Restored:
        changes = [
            change
            for change in self.trees.changes(bytes.fromhex(before), bytes.fromhex(after))
            if _is_wanted(change.path, parts, paths)
        ]
        restoring = Restoring(self.working, self.objects, self.packs)
        restoring.check(changes)
        restored = restoring.apply(changes)
        memory = self.working.memory
        if memory.ingest is not None:
            memory.ingest.apply([*restored.written, *restored.deleted])
        return restored

    def export(self, wanted: str, folder: Path) -> int:
        """Write a snapshot's files of the repository into an empty folder; how many. Raises VersionError."""
        snapshot = self.snapshots.find(wanted)
        if folder.exists() and any(folder.iterdir()):
            raise VersionError(f"{folder} is not empty; give a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        count = 0
        for path, key in self.trees.files(bytes.fromhex(snapshot.root)):
            if path.startswith(REPOSITORY):
                try:
                    inside.replace(folder, path.removeprefix(REPOSITORY), self.objects.file(key))
                except ToolError as exc:
                    raise VersionError(f"{path} cannot be written: {exc}") from exc
                count += 1
        return count


def _name(typed: str, snapshot: Snapshot) -> str:
    """What a person calls a snapshot by."""
    return snapshot.short if snapshot.id.startswith(typed) else typed


def _is_wanted(path: str, parts: Collection[Part], paths: Collection[str]) -> bool:
    if parts and path.partition("/")[0] not in parts:
        return False
    inner = path.removeprefix(REPOSITORY)
    return not paths or any(
        inner == each or inner.startswith(f"{each.rstrip('/')}/") for each in paths
    )
