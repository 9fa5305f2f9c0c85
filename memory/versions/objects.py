"""Content-addressed texts and folders in one SQLite file: whatever two snapshots have in common is kept once.

A *span* is a piece of a file, as the chunker cuts it; a *file* lists its spans; a *folder* lists names, or groups of
names where there are many; a *snapshot* is a record. Keys are digests of what they stand for, and what is read is held
against its key. Knows no path of the file system and no meaning of a snapshot.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from itertools import pairwise
from pathlib import Path

from megacontext.configs.errors import StoreDamagedError, StoreError, StoreVersionError

from ..catalogue.connection import named_errors, open_for_writing
from ..tree.keys import KEY_SIZE, digest
from .folders import key_of

VERSION = 1
TABLES = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS objects(kind INTEGER NOT NULL, key BLOB NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS objects_by_key ON objects(kind, key);
CREATE TABLE IF NOT EXISTS snapshots(id TEXT PRIMARY KEY, made REAL NOT NULL);
CREATE TABLE IF NOT EXISTS lines(name TEXT PRIMARY KEY, snapshot TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS state(name TEXT PRIMARY KEY, value TEXT NOT NULL);
PRAGMA user_version = 1;
COMMIT;
"""
LARGEST = 64_000_000
"""Bytes of one object, unpacked."""


class Kind(IntEnum):
    """What an object is."""

    SPAN = 1
    FILE = 2
    FOLDER = 3
    SNAPSHOT = 4


Object = tuple[Kind, bytes, bytes]
"""Kind, key, and the bytes that it stands for."""


class Objects:
    """The store. Changes belong to a transaction: `writing`, or `trying`, which leaves nothing behind."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; raises StoreError."""
        self.path = path
        self.db = open_for_writing(path)
        try:
            with named_errors(path):
                self._migrate()
        except BaseException:
            self.db.close()
            raise

    def _migrate(self) -> None:
        (version,) = self.db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StoreVersionError(f"{self.path} is of a newer MegaContext; upgrade it")
        if version == 0:
            self.db.executescript(TABLES)

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Everything inside is kept together, or nothing of it. May stand in another one."""
        with named_errors(self.path):
            if self.db.in_transaction:
                yield
                return
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")

    @contextmanager
    def trying(self) -> Iterator[None]:
        """What is written inside can be read inside, and is gone afterwards."""
        with named_errors(self.path):
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
            finally:
                self.db.execute("ROLLBACK")

    def missing(self, kind: Kind, keys: Iterable[bytes]) -> set[bytes]:
        """Those of `keys` that are not here."""
        ask = "SELECT 1 FROM objects WHERE kind = ? AND key = ?"
        with named_errors(self.path):
            return {key for key in keys if self.db.execute(ask, (kind, key)).fetchone() is None}

    def put(self, kind: Kind, key: bytes, data: bytes) -> None:
        """Keep an object; one that is here already stays."""
        self.put_all([(kind, key, data)])

    def put_all(self, objects: Iterable[Object]) -> None:
        """Keep several objects."""
        with self.writing():
            self.db.executemany(
                "INSERT OR IGNORE INTO objects VALUES (?, ?, ?, ?)",
                ((kind, key, len(data), zlib.compress(data)) for kind, key, data in objects),
            )

    def get(self, kind: Kind, key: bytes) -> bytes:
        """An object that is here; raises StoreDamagedError when it is lost, or is not what its key says."""
        with named_errors(self.path):
            row = self.db.execute(
                "SELECT size, data FROM objects WHERE kind = ? AND key = ?", (kind, key)
            ).fetchone()
        if row is None:
            raise StoreDamagedError(
                f"{self.path} lacks {kind.name.lower()} {key.hex()}; pull the snapshot again where it was pushed to"
            )
        data = unpacked(row[1], row[0])
        if data is None or not is_sound(kind, key, data):
            raise StoreDamagedError(
                f"{self.path} is damaged at {kind.name.lower()} {key.hex()}; other snapshots may be whole"
            )
        return data

    def put_file(self, data: bytes, ends: Sequence[int]) -> bytes:
        """Keep a file, cut at `ends` (byte offsets, the last one its length); its key."""
        key = digest(data)
        spans = [data[start:end] for start, end in pairwise([0, *ends])]
        keys = [digest(span) for span in spans]
        self.put_all((Kind.SPAN, each, span) for each, span in zip(keys, spans, strict=True))
        self.put(Kind.FILE, key, b"".join(keys))
        return key

    def spans_of(self, key: bytes) -> list[bytes]:
        """Keys of a file's spans, in order."""
        data = self.get(Kind.FILE, key)
        return [data[at : at + KEY_SIZE] for at in range(0, len(data), KEY_SIZE)]

    def file(self, key: bytes) -> bytes:
        """The bytes of a file; raises StoreDamagedError."""
        data = b"".join(self.get(Kind.SPAN, span) for span in self.spans_of(key))
        if digest(data) != key:
            raise StoreDamagedError(
                f"{self.path} is damaged: the spans of file {key.hex()} are others"
            )
        return data

    def check(self) -> list[str]:
        """What is wrong with the objects, one by one, for people; empty when all are what their keys say."""
        faults = []
        with named_errors(self.path):
            for kind, key in self.db.execute("SELECT kind, key FROM objects").fetchall():
                try:
                    self.file(key) if kind == Kind.FILE else self.get(Kind(kind), key)
                except (StoreError, ValueError) as exc:
                    faults.append(str(exc))
        return faults


def unpacked(data: bytes, size: int) -> bytes | None:
    """What zlib made of `size` bytes, never more; None for anything else."""
    if not 0 <= size <= LARGEST:
        return None
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(data, size + 1)
    except zlib.error:
        return None
    return found if len(found) == size and stream.eof and not stream.unused_data else None


def is_sound(kind: Kind, key: bytes, data: bytes) -> bool:
    """Whether an object is what its key says: a file's is of its bytes, and only its spans can tell."""
    match kind:
        case Kind.FILE:
            return len(data) % KEY_SIZE == 0
        case Kind.FOLDER:
            return key_of(data) == key
        case _:
            return digest(data) == key
