"""Bundles from outside: whole ones are taken in, and of others nothing is kept."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from megacontext.configs.errors import VersionError
from megacontext.memory.tree.keys import digest
from megacontext.memory.versions.bundles import HEADER, MAGIC, RECORD, bundle, parents_in, take_in
from megacontext.memory.versions.folders import Entry, EntryKind, FolderNode
from megacontext.memory.versions.objects import Kind, Object, Objects
from megacontext.memory.versions.snapshots import Snapshot, Snapshots
from megacontext.memory.versions.trees import Trees


@pytest.fixture
def here(objects: Objects) -> Snapshots:
    return Snapshots(objects)


@pytest.fixture
def there(tmp_path: Path):
    store = Objects(tmp_path / "there.db")
    yield Snapshots(store)
    store.close()


def saved(snapshots: Snapshots, files: dict[str, str]) -> Snapshot:
    objects = snapshots.objects
    keys = {path: objects.put_file(text.encode(), [len(text)]) for path, text in files.items()}
    return snapshots.save(Trees(objects).write(keys), "state")


def texts(snapshots: Snapshots, snapshot: Snapshot) -> dict[str, str]:
    files = Trees(snapshots.objects).files(bytes.fromhex(snapshot.root))
    return {path: snapshots.objects.file(key).decode() for path, key in files}


def rows(snapshots: Snapshots) -> int:
    (count,) = snapshots.db.execute("SELECT count(*) FROM objects").fetchone()
    return int(count)


def packed(objects: list[Object], count: int | None = None) -> bytes:
    parts = [HEADER.pack(MAGIC, 1, len(objects) if count is None else count)]
    for kind, key, data in objects:
        packed = zlib.compress(data)
        parts += [RECORD.pack(kind, len(data), len(packed), key), packed]
    return b"".join(parts)


def test_a_line_of_snapshots_is_the_same_elsewhere(here: Snapshots, there: Snapshots) -> None:
    files = {f"d{n % 7}/f{n}.py": f"x = {n}\n" for n in range(200)}
    states = [files, files | {"d1/f1.py": "y = 1\n"}, {"d1": "now a file\n"}]
    made = [saved(here, state) for state in states]
    sizes = []
    for snapshot, state in zip(made, states, strict=True):
        data = bundle(here, snapshot)
        assert parents_in(data) == snapshot.parents
        taken = take_in(there, data, snapshot.id)
        assert taken == snapshot
        assert texts(there, taken) == state
        sizes.append(len(data))
    assert sizes[1] < sizes[0] / 5  # what the parent has is not sent again
    assert there.objects.check() == []


def test_what_goes_on_from_something_unknown_is_refused(here: Snapshots, there: Snapshots) -> None:
    saved(here, {"a.py": "1\n"})
    second = saved(here, {"a.py": "2\n"})
    with pytest.raises(VersionError, match="goes on from, is not here"):
        take_in(there, bundle(here, second), second.id)
    assert rows(there) == 0


def test_another_snapshot_than_the_one_asked_for_is_refused(
    here: Snapshots, there: Snapshots
) -> None:
    first = saved(here, {"a.py": "1\n"})
    with pytest.raises(VersionError, match="holds another snapshot"):
        take_in(there, bundle(here, first), "0" * 32)
    assert rows(there) == 0


def test_no_cut_and_no_flipped_byte_is_taken_in(here: Snapshots, there: Snapshots) -> None:
    first = saved(here, {"a.py": "1\n", "b/c.py": "2\n"})
    data = bundle(here, first)
    for at in range(len(data)):
        for broken in (data[:at], data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :]):
            with pytest.raises(VersionError):
                take_in(there, broken, first.id)
    assert rows(there) == 0
    with pytest.raises(VersionError, match="more than its objects"):
        take_in(there, data + b"\0", first.id)


SPAN = (Kind.SPAN, digest(b"x"), b"x")


def snapshot_of(root: bytes) -> tuple[Snapshot, Object]:
    made = Snapshot(root.hex(), (), 1.0, "")
    return made, (Kind.SNAPSHOT, bytes.fromhex(made.id), made.data)


def folder(name: str, key: bytes, kind: EntryKind = EntryKind.FILE) -> Object:
    node = FolderNode(4, (Entry(name, kind, key),))
    return Kind.FOLDER, node.key, node.data


def lies(make: Callable[[], list[Object]]) -> tuple[str, bytes]:
    objects = make()
    root = next(key for kind, key, _ in objects if kind == Kind.FOLDER)
    made, head = snapshot_of(root)
    return made.id, packed([head, *objects])


@pytest.mark.parametrize(
    "make",
    [
        lambda: [folder("a", digest(b"x"))],
        lambda: [folder("a", digest(b"x")), (Kind.FILE, digest(b"x"), digest(b"gone"))],
        lambda: [folder("a", digest(b"y")), (Kind.FILE, digest(b"y"), digest(b"x")), SPAN],
        lambda: [folder("..", digest(b"x")), (Kind.FILE, digest(b"x"), digest(b"x")), SPAN],
        lambda: [folder("a/b", digest(b"x")), (Kind.FILE, digest(b"x"), digest(b"x")), SPAN],
        lambda: [folder("", digest(b"x")), (Kind.FILE, digest(b"x"), digest(b"x")), SPAN],
        lambda: [
            folder("a", digest(b"x"), EntryKind.FOLDER),
            (Kind.FILE, digest(b"x"), digest(b"x")),
            SPAN,
        ],
        lambda: [
            folder("a", digest(b"x"), EntryKind.GROUP),
            (Kind.FILE, digest(b"x"), digest(b"x")),
            SPAN,
        ],
    ],
    ids=["no file", "no span", "other spans", "..", "slash", "no name", "no folder", "no group"],
)
def test_a_bundle_put_together_by_hand_is_refused(make, there: Snapshots) -> None:
    wanted, data = lies(make)
    with pytest.raises(VersionError):
        take_in(there, data, wanted)
    assert rows(there) == 0


def test_a_file_cannot_be_given_other_contents_beforehand(
    here: Snapshots, there: Snapshots
) -> None:
    """Else a text that is saved later would be thought to be here already."""
    text = b"import os\n"
    forged = [folder("a", digest(text)), (Kind.FILE, digest(text), digest(b"x")), SPAN]
    made, head = snapshot_of(forged[0][1])
    with pytest.raises(VersionError):
        take_in(there, packed([head, *forged]), made.id)
    own = saved(there, {"a": text.decode()})
    assert texts(there, own) == {"a": text.decode()}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\3\4 a zip",
        HEADER.pack(MAGIC, 2, 0),
        HEADER.pack(MAGIC, 1, 4_000_000_000),
        HEADER.pack(MAGIC, 1, 1) + RECORD.pack(1, 4_000_000_000, 10, bytes(16)) + bytes(10),
        HEADER.pack(MAGIC, 1, 1)
        + RECORD.pack(1, 10, 30, digest(bytes(10**7)))
        + zlib.compress(bytes(10**7)),
        packed([SPAN]),
        struct.pack(">4sHI", MAGIC, 1, 0),
    ],
    ids=["empty", "zip", "newer", "many", "vast", "bomb", "no snapshot", "nothing"],
)
def test_what_is_no_bundle_is_refused(data: bytes, there: Snapshots) -> None:
    with pytest.raises(VersionError):
        take_in(there, data, "0" * 32)
    assert rows(there) == 0
