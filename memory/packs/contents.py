"""The texts of a pack with their facts: from an index to tables, and from tables back, everything checked on the way.

What is read is held against the texts themselves: digests, chunks that tile, lines, the root. So a pack that was put
together by hand is refused before anything of it is kept. Knows no tree and no archive's inside.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from megacontext.configs.errors import PackRefusedError

from ..catalogue import Catalogue
from ..chunking import Chunk, ChunkedFile, Symbol
from ..ingest.facts import ancestors
from ..ingest.reading import FileText
from ..listing import is_utf8
from ..tree.keys import digest
from ..tree.shape import DIRECTORY_LEVEL, directory_nodes
from .container import PackFile
from .tables import Row, read_table, write_table

FILES, CHUNKS, SYMBOLS = (f"tables/{name}.parquet" for name in ("files", "chunks", "symbols"))
TEXTS = "texts.bin"
"""The bytes of all files, one behind the other."""
LONGEST_PATH = 1_000


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One file of a pack."""

    text: FileText
    trust: float
    """How well it is known that the file is what its origin gave out, from 0 to 1; see docs/packs.md."""
    chunked: ChunkedFile


def text_root(files: Iterable[tuple[str, bytes]]) -> bytes:
    """Merkle root of `(path, digest)`: equal for equal files at equal places, whatever model reads them."""
    folders: dict[str, list[tuple[str, bytes, int]]] = defaultdict(list)
    for path, key in files:
        folders[path.rpartition("/")[0]].append((path.rpartition("/")[2], key, 0))
    for folder in list(folders):
        for above, _ in ancestors(folder):
            folders.setdefault(above, [])
    root = b""
    for folder in sorted(folders, key=lambda folder: -len(folder.split("/")) * bool(folder)):
        children = [(name, key, DIRECTORY_LEVEL - 1) for name, key, _ in sorted(folders[folder])]
        root = directory_nodes("text", children)[-1].key
        if folder:
            above, _, name = folder.rpartition("/")
            folders[above].append((name, root, 0))
    return root


# Out


def write_contents(files: Sequence[PackedFile], folder: Path) -> dict[str, Path]:
    """Write texts and tables of files, ordered by path, into a folder; the parts by their names in a pack."""
    parts = {name: folder / name.replace("/", "-") for name in (FILES, CHUNKS, SYMBOLS, TEXTS)}
    with parts[TEXTS].open("wb") as texts:
        texts.writelines(file.text.data for file in files)
    write_table("files", [_file_row(file) for file in files], parts[FILES])
    chunks = [row for number, file in enumerate(files) for row in _chunk_rows(number, file)]
    write_table("chunks", chunks, parts[CHUNKS])
    symbols = [row for number, file in enumerate(files) for row in _symbol_rows(number, file)]
    write_table("symbols", symbols, parts[SYMBOLS])
    return parts


def _file_row(file: PackedFile) -> Row:
    text, chunked = file.text, file.chunked
    return (
        text.path,
        text.digest,
        len(text.data),
        text.mtime_ns,
        chunked.language,
        _lines(text.data),
        chunked.broken,
        file.trust,
    )


def _chunk_rows(number: int, file: PackedFile) -> Iterator[Row]:
    for chunk, names in zip(file.chunked.chunks, file.chunked.references, strict=True):
        lines = chunk.start_line, chunk.end_line
        told = chunk.kind, chunk.symbol, chunk.outline, chunk.digest, " ".join(names)
        yield number, chunk.start, chunk.end, *lines, *told


def _symbol_rows(number: int, file: PackedFile) -> Iterator[Row]:
    for each in file.chunked.symbols:
        place = each.start, each.end, each.line
        yield number, each.name, each.kind, *place, each.scope, each.signature, each.doc


def chunked_of(catalogue: Catalogue, path: str) -> ChunkedFile:
    """What the chunker has said of an indexed file."""
    record = catalogue.file(path)
    assert record is not None, "only files of the catalogue are asked for"  # noqa: S101
    chunks = catalogue.chunks_of(record.id)
    symbols = [
        Symbol(s.name, s.kind, s.start, s.end, s.line, s.scope, s.signature, s.doc)
        for s in catalogue.symbols_of(record.id)
    ]
    return ChunkedFile(
        record.language,
        tuple(
            Chunk(c.start, c.end, c.start_line, c.end_line, c.kind, c.symbol, c.outline, c.digest)
            for c in chunks
        ),
        tuple(symbols),
        tuple(c.references for c in chunks),
        record.broken,
    )


# In


def read_contents(pack: PackFile) -> list[PackedFile]:
    """Every file of a pack, ordered by path; raises PackRefusedError for tables that do not fit the texts."""
    counts = pack.manifest.counts
    files = _table(pack, "files", FILES, counts.files)
    chunks = _by_file(_table(pack, "chunks", CHUNKS, counts.chunks), len(files))
    symbols = _by_file(_table(pack, "symbols", SYMBOLS, counts.symbols), len(files))
    texts = pack.read(TEXTS)
    if len(texts) != counts.bytes:
        raise PackRefusedError("its texts are longer or shorter than its manifest says")
    _check_paths([row[0] for row in files])
    found: list[PackedFile] = []
    at = 0
    for number, row in enumerate(files):
        data = texts[at : at + row[2]] if row[2] >= 0 else b""
        found.append(_file(row, data, chunks[number], symbols[number]))
        at += len(data)
    if at != len(texts):
        raise PackRefusedError("its texts hold more than its files")
    root = text_root((file.text.path, file.text.digest) for file in found).hex()
    if root != pack.manifest.root:
        raise PackRefusedError("its root is not that of its texts; one of them was changed")
    return found


def _table(pack: PackFile, name: str, part: str, count: int) -> list[Row]:
    if part not in pack.manifest.members:
        raise PackRefusedError(f"it has no table of {name}")
    rows = read_table(name, pack.read(part))
    if len(rows) != count:
        raise PackRefusedError(
            f"its table of {name} has {len(rows):,} rows, and its manifest says {count:,}"
        )
    return rows


def _by_file(rows: Sequence[Row], files: int) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {number: [] for number in range(files)}
    for row in rows:
        if row[0] not in found:
            raise PackRefusedError("one of its tables speaks of a file that there is not")
        found[row[0]].append(row)
    return found


def _check_paths(paths: Sequence[str]) -> None:
    for path in paths:
        parts = path.split("/")
        outside = path.startswith("/") or not set(parts).isdisjoint(("", ".", ".."))
        odd = (
            "\\" in path or not path.isprintable() or not is_utf8(path) or len(path) > LONGEST_PATH
        )
        if outside or odd:
            raise PackRefusedError(
                f"it holds a file at {path[:80]!r}, which is no path below a pack"
            )
    if any(after <= before for before, after in pairwise(paths)):
        raise PackRefusedError("its files are not in order, or one is there twice")
    folders = {above for path in paths for above, _ in ancestors(path.rpartition("/")[0])}
    if both := folders.intersection(paths):
        raise PackRefusedError(f"it holds {min(both)[:80]!r} as a file and as a folder")


def _file(row: Row, data: bytes, chunks: Sequence[Row], symbols: Sequence[Row]) -> PackedFile:
    path, key, size, mtime_ns, language, lines, broken, trust = row
    if len(data) != size or digest(data) != key or _lines(data) != lines:
        raise PackRefusedError(f"its {path} is not the text that its table names")
    if not 0 <= trust <= 1:
        raise PackRefusedError(f"its {path} has trust {trust}; that is a number from 0 to 1")
    made = tuple(Chunk(*each[1:9]) for each in chunks)
    line = 1
    for before, chunk in zip((None, *made), made, strict=False):
        part = data[chunk.start : chunk.end]
        start = before.end if before else 0
        last = line + part.count(b"\n") - part.endswith(b"\n")
        if chunk.start != start or not part or digest(part) != chunk.digest:
            raise PackRefusedError(f"the chunks of its {path} do not tile its text")
        if (chunk.start_line, chunk.end_line) != (line, last):
            raise PackRefusedError(f"the chunks of its {path} stand on other lines than they say")
        line += part.count(b"\n")
    if (made[-1].end if made else 0) != size:
        raise PackRefusedError(f"the chunks of its {path} do not tile its text")
    named = tuple(Symbol(*each[1:]) for each in symbols)
    if any(not 0 <= each.start <= each.end <= size or each.start >= size for each in named):
        raise PackRefusedError(f"a definition of its {path} lies outside of it")
    names = tuple(tuple(each[9].split()) for each in chunks)
    chunked = ChunkedFile(language, made, named, names, broken)
    return PackedFile(FileText(path, data, key, mtime_ns), trust, chunked)


def _lines(data: bytes) -> int:
    return data.count(b"\n") + (not data.endswith(b"\n") and bool(data))


def as_counts(files: Sequence[PackedFile]) -> dict[str, Any]:
    """How much there is."""
    return {
        "files": len(files),
        "chunks": sum(len(file.chunked.chunks) for file in files),
        "symbols": sum(len(file.chunked.symbols) for file in files),
        "bytes": sum(len(file.text.data) for file in files),
    }
