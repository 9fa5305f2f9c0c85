"""`search`: definitions, file names and lines that hold what is looked for."""

import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

from megacontext.memory.catalogue import SymbolRecord
from megacontext.memory.catalogue.terms import query_words
from megacontext.memory.memory import Memory

from ..sandbox.shown import bounded
from .arguments import Argument, subject_of, tool_spec, understand
from .base import Action, Cancel, Plan, Shop, ToolError, ToolResult
from .read import numbered

QUERY = Argument(
    "query", "string", "A name, words, or a piece of code.", required=True,
    aliases=("text", "pattern", "q", "term", "keyword", "symbol", "name"),
)  # fmt: skip
ARGUMENTS = (
    QUERY,
    Argument(
        "path", "string", "Look only in this file or folder.", aliases=("folder", "directory", "in")
    ),
    Argument("limit", "integer", "Lines to show at most; 40 if not given.", default=40),
)
MOST_LINES = 200
MOST_CHUNKS = 80
LINES_OF_FILE = 8
SCAN_S = 2.0
"""Time for reading files one by one, when no word of the index helps."""


class Search:
    """Looks in the index, checked against the files as they are."""

    action: Action = "read"
    spec = tool_spec(
        "search",
        "Find definitions, files and lines in the repository by a name, by words or by a piece of code. Best first, "
        "each as path and line.",
        ARGUMENTS,
    )

    def subject(self, arguments: Mapping[str, Any]) -> str:
        """What is looked for."""
        return subject_of(arguments, QUERY)

    def plan(self, arguments: Mapping[str, Any], shop: Shop) -> Plan:
        """Check the arguments."""
        given = understand(arguments, ARGUMENTS)
        if not given["query"]:
            raise ToolError("`query` is empty; give a name, words, or a piece of code")
        below = (given["path"] or "").strip("`'\" ").removeprefix("./").strip("/")
        below = "" if below == "." else below
        return Plan(
            tool=self.spec.name,
            action=self.action,
            subject=given["query"],
            summary=f"search {given['query']!r}" + (f" in {below}" if below else ""),
            arguments={
                "query": given["query"],
                "path": below,
                "limit": min(given["limit"], MOST_LINES),
            },
            mended=given.notes,
        )

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        """Look."""
        query, below, limit = (plan.arguments[key] for key in ("query", "path", "limit"))
        memory = shop.memory
        with memory.reading():
            symbols = [each for each in _symbols(memory, query) if _is_below(each.path, below)]
            files = [path for path in _named(memory, query) if _is_below(path, below)]
            lines = list(_lines(memory, query, below, limit, cancel))
        parts = []
        if symbols:
            parts.append("Definitions:\n" + "\n".join(map(_described, symbols[:20])))
        if files:
            parts.append("Files:\n" + "\n".join(files[:20]))
        if lines:
            parts.append("Lines:\n" + "\n".join(_by_file(lines)))
        if not parts:
            where = f" in {below}" if below else ""
            text = f"Nothing found for {query!r}{where}. Try one word of it, or another name."
            return ToolResult(text=text, summary="nothing found", ok=False)
        found = f"{len(symbols)} definitions, {len(files)} files, {len(lines)} lines"
        text = bounded("\n\n".join(parts), shop.settings.tools.output_chars)
        return ToolResult(text=text, summary=f"found {found}")


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


def _described(symbol: SymbolRecord) -> str:
    return f"{symbol.path}:{symbol.line}: {symbol.signature or symbol.name}"


def _named(memory: Memory, query: str) -> list[str]:
    if len(query) < 2 or "\n" in query:
        return []
    wanted = query.casefold()
    return [file.path for file in memory.catalogue.files() if wanted in file.path.casefold()]


Line = tuple[str, int, str]


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
    lines: list[Line] = []
    for record in (records[hit.chunk_id] for hit in hits if hit.chunk_id in records):
        if _is_below(record.path, below) and (text := memory.text_of(record)) is not None:
            lines += [
                (record.path, record.start_line + index, line)
                for index, line in enumerate(text.split("\n"))
            ]
    return lines


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
        data = memory.read(file.path)
        text = data.decode("utf-8", "replace") if data is not None else ""
        if literal not in text.casefold():
            continue
        for number, line in enumerate(text.split("\n"), 1):
            if literal in line.casefold():
                yield file.path, number, line
                count += 1
                if count == limit:
                    return


def _by_file(lines: list[Line]) -> Iterator[str]:
    """Lines under the path of their file, in order."""
    files: dict[str, list[Line]] = {}
    for hit in lines:
        files.setdefault(hit[0], []).append(hit)
    for path, hits in files.items():
        yield path
        yield from (numbered(number, line.rstrip("\r")) for _, number, line in sorted(hits))
