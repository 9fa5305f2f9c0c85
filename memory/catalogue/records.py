"""The rows of the catalogue, as plain frozen records. Knows no SQL."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One indexed file of one source."""

    id: int
    source_id: int
    path: str
    """Relative to the source's root, with forward slashes."""
    directory: str
    """`path` without its last part; "" at the root."""
    digest: bytes
    """blake2b-16 of the whole content."""
    size: int
    """Bytes."""
    mtime_ns: int
    language: str
    lines: int
    broken: bool
    """The grammar reported syntax errors."""


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """One chunk; the chunks of a file tile its bytes in the order of `ordinal`."""

    id: int
    file_id: int
    path: str
    ordinal: int
    start: int
    """Byte offset in the file."""
    end: int
    start_line: int
    """1-based, inclusive."""
    end_line: int
    kind: str
    symbol: str
    """Qualified name of the main definition, "" if none."""
    outline: str
    digest: bytes
    """blake2b-16 of the chunk's bytes."""
    references: tuple[str, ...]
    """Names used in the chunk, sorted."""


@dataclass(frozen=True, slots=True)
class SymbolRecord:
    """One definition."""

    name: str
    kind: str
    scope: str
    line: int
    """1-based line of the name."""
    start: int
    end: int
    """Byte range of the whole definition."""
    signature: str
    doc: str
    chunk_id: int
    path: str

    @property
    def qualified(self) -> str:
        """The name with its scope: `Flask.url_for`."""
        return f"{self.scope}.{self.name}" if self.scope else self.name


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One chunk found by full text; a higher score is better (negated FTS5 bm25)."""

    chunk_id: int
    file_id: int
    score: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A path that was seen but not indexed, and why."""

    path: str
    reason: str
