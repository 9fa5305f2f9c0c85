"""Definitions, files and lines that hold a name, words or a piece of code, checked against the files as they are.

Knows no tool and no protocol.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from megacontext.memory.catalogue import FileRecord, SymbolRecord
from megacontext.memory.catalogue.terms import query_words
from megacontext.memory.ingest.reading import FileText
from megacontext.memory.memory import Memory
from megacontext.models.base import Cancel

MOST_LINES = 200
MOST_CHUNKS = 80
LINES_OF_FILE = 8
SCAN_S = 2.0
"""Time for reading files one by one, when no word of the index helps."""

Line = tuple[str, int, str]
"""Path, number from 1, and text of a line."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found, each the best first."""

    symbols: tuple[SymbolRecord, ...]
    files: tuple[str, ...]
    lines: tuple[Line, ...]

    def __bool__(self) -> bool:
        return bool(self.symbols or self.files or self.lines)


def find(
    memory: Memory, query: str, below: str = "", limit: int = 40, cancel: Cancel | None = None
) -> Findings:
    """Look for definitions, files and at most `limit` lines, in all of the repository or `below` a file or folder."""
    with memory.reading():
        symbols = [each for each in _symbols(memory, query) if _is_below(each.path, below)]
        files = [path for path in _named(memory, query) if _is_below(path, below)]
        lines = tuple(_lines(memory, query, below, min(limit, MOST_LINES), cancel))
    return Findings(tuple(symbols), tuple(files), lines)


def _is_below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def _symbols(memory: Memory, query: str) -> list[SymbolRecord]:
    """Definitions of this name, then those whose name begins so."""
    words = re.findall(r"[\w.]+", query)
    if len(words) != 1:
        return []
    scope, _, name = words[0].strip(".").rpartition(".")
    found = [*memory.catalogue.symbols_named(name), *memory.catalogue.symbols_like(name, 20)]
    if scope:
        found = [each for each in found if f".{each.scope}".endswith(f".{scope}")]
    return list({(each.path, each.start): each for each in found}.values())


def _named(memory: Memory, query: str) -> list[str]:
    if len(query) < 2 or "\n" in query:
        return []
    wanted = query.casefold()
    return [file.path for file in memory.catalogue.files() if wanted in file.path.casefold()]


def _lines(
    memory: Memory, query: str, below: str, limit: int, cancel: Cancel | None
) -> Iterator[Line]:
    """Lines that hold all of the query as it is, else those that hold its words; a few of each file."""
    literal = query.strip().split("\n")[0].casefold()
    found: dict[tuple[str, int], Line] = {}
    chunks = _chunks(memory, query, below)
    for path, number, line in chunks:
        if literal in line.casefold():
            found.setdefault((path, number), (path, number, line))
    if not found:
        for hit in _scanned(memory, literal, below, limit, cancel):
            found.setdefault(hit[:2], hit)
    if not found:
        words = [word for word in query_words(query) if len(word) > 2]
        scored = ((sum(word in hit[2].casefold() for word in words), hit) for hit in chunks)
        best = sorted((each for each in scored if each[0]), key=lambda each: -each[0])
        found = {hit[:2]: hit for _, hit in best[: limit * 4]}
    counts: dict[str, int] = {}
    shown = 0
    for hit in found.values():
        counts[hit[0]] = counts.get(hit[0], 0) + 1
        if counts[hit[0]] <= max(LINES_OF_FILE, limit // max(1, len({p for p, _ in found}))):
            yield hit
            shown += 1
            if shown == limit:
                return


def _chunks(memory: Memory, query: str, below: str) -> list[Line]:
    """Lines of the chunks that full text finds, best chunk first."""
    hits = memory.catalogue.search(query, limit=MOST_CHUNKS)
    records = memory.catalogue.chunks(hit.chunk_id for hit in hits)
    found = [records[hit.chunk_id] for hit in hits if hit.chunk_id in records]
    paths = {each.path for each in found if _is_below(each.path, below)}
    files = {path: _read(memory, memory.catalogue.file(path)) for path in paths}
    lines: list[Line] = []
    for record in found:
        data = files.get(record.path)
        if data is not None and (text := memory.text_of(record, data)) is not None:
            lines += [
                (record.path, record.start_line + index, line)
                for index, line in enumerate(text.split("\n"))
            ]
    return lines


def _read(memory: Memory, file: FileRecord | None) -> bytes | None:
    """A file as it is now; None when it is gone or left out. What memory has read of it before is not judged again."""
    found = memory.look(file.path, known=file.digest) if file else None
    return found.data if isinstance(found, FileText) else None


def _scanned(
    memory: Memory, literal: str, below: str, limit: int, cancel: Cancel | None
) -> Iterator[Line]:
    deadline = time.monotonic() + SCAN_S
    count = 0
    for file in memory.catalogue.files():
        if not _is_below(file.path, below):
            continue
        if time.monotonic() > deadline or (cancel is not None and cancel.is_set()):
            return
        data = _read(memory, file)
        text = data.decode("utf-8", "replace") if data is not None else ""
        if literal not in text.casefold():
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if literal in line.casefold():
                yield file.path, number, line
                count += 1
                if count == limit:
                    return
