"""Bundles: what a snapshot has that its parents do not, as one file to send; and taking such a file in.

A bundle is input from outside: it is read within bounds, every object is held against its key, and a snapshot is kept
only when all that it names is there. A header (magic, version, number of objects), then each object: kind, size, bytes
that follow, key, and the object packed with zlib. Knows no place that bundles lie at.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator

from megacontext.configs.errors import StoreError, VersionError

from .folders import EntryKind, read_folder
from .objects import LARGEST, Kind, Object, is_sound, unpacked
from .snapshots import Snapshot, Snapshots, read_snapshot
from .trees import EMPTY, Trees

MAGIC = b"MCSN"
VERSION = 1
HEADER = struct.Struct(">4sHI")
RECORD = struct.Struct(">BII16s")
LARGEST_BUNDLE = 4_000_000_000
"""Bytes, packed and unpacked."""
KINDS = {EntryKind.FILE: Kind.FILE, EntryKind.FOLDER: Kind.FOLDER, EntryKind.GROUP: Kind.FOLDER}


def bundle(snapshots: Snapshots, snapshot: Snapshot) -> bytes:
    """Everything of a snapshot that its parents lack, the snapshot itself first. Costs what differs."""
    roots = [bytes.fromhex(snapshots.get(each).root) for each in snapshot.parents]
    objects: list[Object] = [(Kind.SNAPSHOT, bytes.fromhex(snapshot.id), snapshot.data)]
    objects += _new_objects(Trees(snapshots.objects), bytes.fromhex(snapshot.root), roots)
    parts = [HEADER.pack(MAGIC, VERSION, len(objects))]
    for kind, key, data in objects:
        packed = zlib.compress(data)
        parts += [RECORD.pack(kind, len(data), len(packed), key), packed]
    return b"".join(parts)


def _new_objects(trees: Trees, root: bytes, known: list[bytes]) -> Iterator[Object]:
    sent: set[tuple[Kind, bytes]] = set()
    waiting = [(root, known)]
    objects = trees.objects
    while waiting:
        folder, olds = waiting.pop()
        if folder in olds or folder == EMPTY.key:
            continue
        nodes = set().union(*(_nodes(trees, old) for old in olds))
        for key in _nodes(trees, folder):
            if key not in nodes and (Kind.FOLDER, key) not in sent:
                sent.add((Kind.FOLDER, key))
                yield Kind.FOLDER, key, trees.node(key).data
        before = [{entry.name: entry for entry in trees.entries(old)} for old in olds]
        for entry in trees.entries(folder):
            same = [each[entry.name] for each in before if entry.name in each]
            if any(each.key == entry.key for each in same):
                continue
            if entry.kind == EntryKind.FOLDER:
                folders = [each.key for each in same if each.kind == EntryKind.FOLDER]
                waiting.append((entry.key, folders))
            elif (Kind.FILE, entry.key) not in sent:
                sent.add((Kind.FILE, entry.key))
                files = (each.key for each in same if each.kind == EntryKind.FILE)
                held = {span for key in files for span in objects.spans_of(key)}
                for span in objects.spans_of(entry.key):
                    if span not in held and (Kind.SPAN, span) not in sent:
                        sent.add((Kind.SPAN, span))
                        yield Kind.SPAN, span, objects.get(Kind.SPAN, span)
                yield Kind.FILE, entry.key, objects.get(Kind.FILE, entry.key)


def _nodes(trees: Trees, folder: bytes) -> set[bytes]:
    """Keys of a folder's node and of its groups, not of the folders in it."""
    groups = [each.key for each in trees.node(folder).entries if each.kind == EntryKind.GROUP]
    return {folder}.union(*(_nodes(trees, each) for each in groups))


def parents_in(data: bytes) -> tuple[str, ...]:
    """Which snapshots a bundle goes on from; nothing is kept, and the rest is not read. Raises VersionError."""
    first = next(_read(data), None)
    if first is None or first[0] != Kind.SNAPSHOT:
        raise VersionError("it holds no snapshot")
    return _snapshot(first[2]).parents


def take_in(snapshots: Snapshots, data: bytes, wanted: str, *, listed: bool = True) -> Snapshot:
    """Keep the snapshot `wanted` of a bundle, whose parents are here; raises VersionError, and keeps nothing then."""
    objects = snapshots.objects
    found = list(_read(data))
    try:
        with objects.writing():
            objects.put_all(found)
            snapshot = _whole(snapshots, found)
            if snapshot.id != wanted:
                raise VersionError(f"it holds another snapshot, {snapshot.short}")
            return snapshots.add(snapshot, listed=listed)
    except StoreError as exc:
        raise VersionError(f"it is not whole: {exc}") from exc


def _read(data: bytes) -> Iterator[Object]:
    """The objects of a bundle, each held against its key; raises VersionError."""
    if len(data) < HEADER.size or len(data) > LARGEST_BUNDLE:
        raise VersionError("it is too short or too large to be a snapshot")
    magic, version, count = HEADER.unpack_from(data)
    if magic != MAGIC:
        raise VersionError("it is no snapshot")
    if version != VERSION:
        raise VersionError("it is of a newer MegaContext; upgrade it")
    at, total = HEADER.size, 0
    for _ in range(count):
        if at + RECORD.size > len(data):
            raise VersionError("it is cut short")
        kind, size, packed, key = RECORD.unpack_from(data, at)
        at += RECORD.size
        total += size
        if size > LARGEST or total > LARGEST_BUNDLE:
            raise VersionError("it would unpack to more than a snapshot may hold")
        content = unpacked(data[at : at + packed], size)
        at += packed
        if content is None or kind not in list(Kind) or not is_sound(Kind(kind), key, content):
            raise VersionError(
                "an object in it is not what its key says; it was changed, or cut short"
            )
        yield Kind(kind), key, content
    if at != len(data):
        raise VersionError("it holds more than its objects")


def _whole(snapshots: Snapshots, found: Iterable[Object]) -> Snapshot:
    """The snapshot of a bundle whose objects were put, once all that they name is there."""
    objects = snapshots.objects
    heads = []
    for kind, key, content in found:
        match kind:
            case Kind.SNAPSHOT:
                heads.append(_snapshot(content))
            case Kind.FILE:
                objects.file(key)
            case Kind.FOLDER:
                node = read_folder(content)
                if node is None:
                    raise VersionError("it names a file by what is no name")
                for entry in node.entries:
                    if entry.key != EMPTY.key and objects.missing(KINDS[entry.kind], [entry.key]):
                        raise VersionError(f"it lacks {entry.name!r}, which it names")
    if len(heads) != 1:
        raise VersionError("it holds no snapshot, or several")
    head = heads[0]
    root = bytes.fromhex(head.root)
    if root != EMPTY.key and objects.missing(Kind.FOLDER, [root]):
        raise VersionError("it lacks its tree")
    if lost := [each for each in head.parents if not snapshots.has(each)]:
        raise VersionError(f"snapshot {lost[0]}, which it goes on from, is not here")
    return head


def _snapshot(data: bytes) -> Snapshot:
    try:
        return read_snapshot(data)
    except ValueError as exc:
        raise VersionError(f"its snapshot cannot be read: {exc}") from exc
