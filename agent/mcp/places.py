"""From records of the catalogue to places in answers, each with the hash of its text. Knows no question."""

from collections.abc import Sequence
from typing import Any

from megacontext.memory.catalogue import ChunkRecord, FileRecord, SymbolRecord
from megacontext.memory.memory import Memory

from ..tools.finding import Findings, Line
from .answers import Definition, Hit, Match, Name, Place, SearchAnswer, short

MOST_DEFINITIONS, MOST_FILES = 20, 20
LONGEST_LINE = 2_000


def search_answer(memory: Memory, found: Findings) -> SearchAnswer:
    """Findings with places and hashes; the caller is reading the memory."""
    symbols = found.symbols[:MOST_DEFINITIONS]
    chunks = memory.catalogue.chunks({each.chunk_id for each in symbols})
    return SearchAnswer(
        definitions=[
            _definition(each, chunks[each.chunk_id], memory.label)
            for each in symbols
            if each.chunk_id in chunks
        ],
        files=[
            file_place(record, memory.label)
            for each in found.files[:MOST_FILES]
            if (record := memory.catalogue.file(each))
        ],
        matches=_matches(memory, found.lines),
    )


def _matches(memory: Memory, lines: Sequence[Line]) -> list[Match]:
    matches: dict[int, Match] = {}
    for path, number, text in lines:
        chunk = memory.catalogue.chunk_at(path, number)
        if chunk is not None:
            place = chunk_place(chunk, memory.label)
            match = matches.setdefault(chunk.id, Match(**place, lines=[]))
            match.lines.append(Hit(number=number, text=text.rstrip("\r")[:LONGEST_LINE]))
    for match in matches.values():
        match.lines.sort(key=lambda hit: hit.number)
    return list(matches.values())


def _shown(path: str, label: str) -> str:
    return f"{label}/{path}" if label else path


def chunk_place(chunk: ChunkRecord, label: str = "") -> dict[str, Any]:
    """Where a chunk stands; `label` is that of its pack."""
    lines = {"start_line": chunk.start_line, "end_line": chunk.end_line}
    return {"path": _shown(chunk.path, label), **lines, "hash": short(chunk.digest)}


def file_place(file: FileRecord, label: str = "") -> Place:
    """Where a whole file is; `label` is that of its pack."""
    first = 1 if file.lines else 0
    path = _shown(file.path, label)
    return Place(path=path, start_line=first, end_line=file.lines, hash=short(file.digest))


def _definition(symbol: SymbolRecord, chunk: ChunkRecord, label: str) -> Definition:
    return Definition(
        **chunk_place(chunk, label),
        name=symbol.name,
        kind=symbol.kind,
        line_number=symbol.line,
        signature=symbol.signature or symbol.name,
    )


def name_of(symbol: SymbolRecord) -> Name:
    """A definition as an outline names it."""
    return Name(
        line=symbol.line,
        kind=symbol.kind,
        name=symbol.qualified,
        signature=symbol.signature or symbol.name,
    )
