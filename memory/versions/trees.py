"""Trees of files by path, over the objects: written, read, compared and changed, each at the cost of what differs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from megacontext.configs.errors import StoreDamagedError

from ..tree.shape import DIRECTORY_LEVEL
from .folders import Entry, EntryKind, FolderNode, folder_nodes, read_folder
from .objects import Kind, Objects

EMPTY = FolderNode(DIRECTORY_LEVEL, ())
"""A tree without a file."""
DEEPEST = 200
"""Folders inside each other; more are nobody's work."""


@dataclass(frozen=True, slots=True)
class Change:
    """A file that two trees do not have alike: its keys in the one and in the other, None where it is not there."""

    path: str
    before: bytes | None
    after: bytes | None


class Trees:
    """Trees in one store; a tree is named by the key of its root folder."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects

    def write(self, files: Mapping[str, bytes]) -> bytes:
        """Keep the tree of some files, keys by path; its root."""
        return self.changed(EMPTY.key, files)

    def changed(self, root: bytes, files: Mapping[str, bytes | None]) -> bytes:
        """The tree with other keys at some paths, None for no file; folders without a file go. Its root."""
        with self.objects.writing():
            return self._changed(root, files)

    def _changed(self, root: bytes, files: Mapping[str, bytes | None]) -> bytes:
        by_name: dict[str, dict[str, bytes | None]] = defaultdict(dict)
        for path, key in files.items():
            name, _, rest = path.partition("/")
            by_name[name][rest] = key
        entries = {entry.name: entry for entry in self.entries(root)}
        for name, below in by_name.items():
            entry = self._with(entries.get(name), name, below)
            if entry is None:
                entries.pop(name, None)
            else:
                entries[name] = entry
        return self._kept(sorted(entries.values(), key=lambda entry: entry.name))

    def _with(
        self, old: Entry | None, name: str, below: Mapping[str, bytes | None]
    ) -> Entry | None:
        deeper = {rest: key for rest, key in below.items() if rest}
        if (key := below.get("")) is not None:
            return Entry(name, EntryKind.FILE, key)
        if old is not None and old.kind == EntryKind.FILE and "" not in below:
            if not any(deeper.values()):
                return old
            old = None
        if not deeper:
            return old if old is not None and old.kind == EntryKind.FOLDER else None
        base = old.key if old is not None and old.kind == EntryKind.FOLDER else EMPTY.key
        root = self._changed(base, deeper)
        return Entry(name, EntryKind.FOLDER, root) if root != EMPTY.key else None

    def _kept(self, entries: list[Entry]) -> bytes:
        nodes = list(folder_nodes(entries))
        self.objects.put_all((Kind.FOLDER, node.key, node.data) for node in nodes)
        return nodes[-1].key

    def node(self, key: bytes) -> FolderNode:
        """One node of a folder; raises StoreDamagedError."""
        if key == EMPTY.key:
            return EMPTY
        found = read_folder(self.objects.get(Kind.FOLDER, key))
        if found is None:
            raise StoreDamagedError(f"{self.objects.path}: folder {key.hex()} cannot be read")
        return found

    def entries(self, folder: bytes) -> Iterator[Entry]:
        """The names of a folder, in order."""
        for entry in self.node(folder).entries:
            if entry.kind == EntryKind.GROUP:
                yield from self.entries(entry.key)
            else:
                yield entry

    def files(self, root: bytes, above: str = "", depth: int = 0) -> Iterator[tuple[str, bytes]]:
        """Path and key of every file, folder by folder."""
        _check_depth(depth)
        for name, kind, key in self.entries(root):
            if kind == EntryKind.FILE:
                yield above + name, key
            else:
                yield from self.files(key, f"{above}{name}/", depth + 1)

    def find(self, root: bytes, path: str) -> Entry | None:
        """What lies at a path; None when nothing does."""
        found = Entry("", EntryKind.FOLDER, root)
        for name in path.split("/") if path else ():
            if found.kind != EntryKind.FOLDER:
                return None
            below = next((each for each in self.entries(found.key) if each.name == name), None)
            if below is None:
                return None
            found = below
        return found

    def changes(self, before: bytes, after: bytes) -> Iterator[Change]:
        """The files that two trees do not have alike, by path; what is alike is not read."""
        yield from sorted(self._changes(before, after, "", 0), key=lambda change: change.path)

    def _changes(
        self, before: bytes | None, after: bytes | None, above: str, depth: int
    ) -> Iterator[Change]:
        _check_depth(depth)
        old, new = self._differing(before, after)
        for name in old.keys() | new.keys():
            was, now = old.get(name), new.get(name)
            if was == now:
                continue
            path = above + name
            file, folder = EntryKind.FILE, EntryKind.FOLDER
            if _key(was, file) or _key(now, file):
                yield Change(path, _key(was, file), _key(now, file))
            if _key(was, folder) or _key(now, folder):
                below = _key(was, folder), _key(now, folder)
                yield from self._changes(below[0], below[1], f"{path}/", depth + 1)

    def _differing(
        self, before: bytes | None, after: bytes | None
    ) -> tuple[dict[str, Entry], dict[str, Entry]]:
        """The entries of two folders, but for groups that both have."""
        sides: list[list[Entry]] = [
            [Entry("", EntryKind.GROUP, key)] if key is not None else [] for key in (before, after)
        ]
        while any(entry.kind == EntryKind.GROUP for side in sides for entry in side):
            groups = [{e.key for e in side if e.kind == EntryKind.GROUP} for side in sides]
            both = groups[0] & groups[1]
            sides = [[e for entry in side for e in self._opened(entry, both)] for side in sides]
        old, new = ({entry.name: entry for entry in side} for side in sides)
        return old, new

    def _opened(self, entry: Entry, both: set[bytes]) -> Iterable[Entry]:
        if entry.kind != EntryKind.GROUP:
            return (entry,)
        return () if entry.key in both else self.node(entry.key).entries


def _key(entry: Entry | None, kind: EntryKind) -> bytes | None:
    return entry.key if entry is not None and entry.kind == kind else None


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise StoreDamagedError(f"a snapshot has folders more than {DEEPEST} deep")
