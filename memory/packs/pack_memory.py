"""The memory of one pack: the same catalogue and trees as a repository's, over texts that lie in the database itself.

Nothing of a pack is ever a file at a path that the pack names, so a path leads nowhere but into its own texts.
"""

import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, ClassVar, Self

from ..catalogue import FileRecord
from ..ingest.ingest import Tokenizer
from ..ingest.reading import FileText, Gone, Refusal
from ..left_out import NothingLeftOut
from ..memory import REPOSITORY, Memory
from ..places import Places
from ..tree.keys import digest
from ..tree.store import TreeSpec
from .contents import PackedFile
from .manifest import Manifest

TEXTS = (
    "CREATE TABLE pack_texts(file_id INTEGER PRIMARY KEY, trust REAL NOT NULL, data BLOB NOT NULL)"
)
COMPRESSION = 6
SOURCE_FOLDERS = ("src", "lib", "python")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where some lines of a pack come from."""

    source: str
    """Name and version of the pack."""
    origin: str
    licence: str
    path: str
    """Inside the pack."""
    start_line: int
    end_line: int
    hash: str
    """blake2b-16 of the span's bytes, of the whole file for coarser entries."""
    timestamp: str
    """When the file was last changed, as its origin says; "" where it does not."""
    trust: float
    signed_by: str
    """Fingerprint of the key; "" for an unsigned pack."""

    def as_json(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)

    @property
    def line(self) -> str:
        """For a person."""
        signed = f"signed by {self.signed_by[:12]}" if self.signed_by else "unsigned"
        when = f", {self.timestamp[:10]}" if self.timestamp else ""
        return f"{self.origin}, {self.licence}{when}, trust {self.trust:.1f}, {signed}"


class PackMemory(Memory):
    """A pack of the machine's store, open. Use `of`."""

    may_lack_tree: ClassVar[bool] = True
    manifest: Manifest
    signed_by = ""

    @cached_property
    def roots(self) -> frozenset[str]:
        """What it can be imported by: its folders and files at the top, or below the usual folders of sources."""
        with self.reading():
            catalogue = self.catalogue
            paths = [
                path
                for top in ("", *SOURCE_FOLDERS)
                for path in (
                    *catalogue.directories_in(top),
                    *(file.path for file in catalogue.files_in(top)),
                )
            ]
        names = {path.rpartition("/")[2].partition(".")[0] for path in paths}
        return frozenset({self.manifest.name, *names} - {*SOURCE_FOLDERS, ""})

    @classmethod
    def of(
        cls,
        places: Places,
        manifest: Manifest,
        signed_by: str,
        spec: TreeSpec,
        tokenizer: Tokenizer,
        *,
        write: bool = False,
    ) -> Self:
        """Open a pack that was unpacked at `places`; see `Memory.open` for errors."""
        memory = cls.open(places, spec, tokenizer, NothingLeftOut(), write=write)
        memory.manifest, memory.label, memory.signed_by = manifest, manifest.label, signed_by
        return memory

    def look(
        self, path: str, buffer: bytes | None = None, known: bytes | None = None
    ) -> FileText | Refusal | Gone:
        """A text of the pack; what an editor holds does not touch it."""
        with self.reading():
            file = self.catalogue.file(path)
            found = self._text_row(file) if file else None
        if file is None or found is None:
            return Gone(path)
        try:
            data = zlib.decompress(found[1])
        except zlib.error:
            data = b""  # whoever reads it compares digests, so it is told to be damaged
        return FileText(path, data, digest(data), file.mtime_ns)

    def _text_row(self, file: FileRecord) -> tuple[float, bytes] | None:
        row: tuple[float, bytes] | None = self.db.execute(
            "SELECT trust, data FROM pack_texts WHERE file_id = ?", (file.id,)
        ).fetchone()
        return row

    def is_untouched(self, file: FileRecord) -> bool:
        """Packs do not change."""
        return True

    def trust_of(self, path: str) -> float:
        """How well the origin of a file is known, from 0 to 1; 0 for no file."""
        with self.reading():
            file = self.catalogue.file(path)
            row = self._text_row(file) if file else None
        return row[0] if row else 0.0

    def provenance(self, path: str, start_line: int, end_line: int, key: bytes) -> Provenance:
        """Where some lines come from; `key` is the digest of their bytes, b"" for that of the whole file."""
        with self.reading():
            file = self.catalogue.file(path)
        when = ""
        if file is not None and file.mtime_ns > 0:
            when = datetime.fromtimestamp(file.mtime_ns / 1e9, UTC).isoformat(timespec="seconds")
        return Provenance(
            source=self.label,
            origin=self.manifest.origin,
            licence=self.manifest.licence,
            path=path,
            start_line=start_line,
            end_line=end_line,
            hash=(key or (file.digest if file else b"")).hex(),
            timestamp=when,
            trust=self.trust_of(path),
            signed_by=self.signed_by,
        )


def keep_texts(db: sqlite3.Connection, files: Sequence[PackedFile]) -> None:
    """Write texts beside the facts of their files; joins the transaction that the caller has open."""
    ids = dict(db.execute("SELECT path, id FROM files WHERE source_id = ?", (REPOSITORY,)))
    db.execute(TEXTS)
    db.executemany(
        "INSERT INTO pack_texts VALUES (?, ?, ?)",
        (
            (ids[file.text.path], file.trust, zlib.compress(file.text.data, COMPRESSION))
            for file in files
        ),
    )
