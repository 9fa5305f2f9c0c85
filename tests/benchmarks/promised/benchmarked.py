"""Promises that the benchmarks measure: each names a row of one of them."""

from ..bars import Bar
from ..report import command
from .kept import Kept
from .promise import Area, Figure, Promise, Row, Source

COMPLETION, KEYS = "a completion of one line", "30 keys a second"
Limit = tuple[str, str, str, float]
"""Benchmark, row, unit, and how much at most."""
# fmt: off
MEMORY: tuple[Limit, ...] = (
    ("index", "index against tokenizing the same text, wall time", "×", 1.5),
    ("index", "peak memory of indexing", "MiB", 1024),
    ("edit", "an edit after the window, p50", "ms", 20),
    ("edit", "an edit after the window, p95", "ms", 60),
    ("edit", "the debounce window, p50", "ms", 50),
    ("edit", "an edit with its gists, p50", "ms", 150),
    ("branch", "files that memory missed or holds stale", "", 0),
    ("branch", "switch against indexing these files, processor time", "×", 1.2),
    ("branch", "tokens tokenized when switching back", "", 0),
    ("branch", "gists made when switching back", "", 0),
    ("focus", "focus at 1 M tokens, p50", "ms", 50),
    ("focus", "8 M against 1 M, p50", "×", 2),
    ("reuse", "completion after one more typed character: positions computed although they were the same", "", 0),
    ("reuse", "a second question: positions computed although they were the same", "", 0),
    ("startup", "megacontext --help", "s", 0.3),
    ("startup", "megacontext --help, of torch and transformers it loads", "", 0),
    ("startup", "megacontext status", "s", 0.5),
    ("startup", "megacontext status, of torch and transformers it loads", "", 0),
)
MEMORY_LEAST: tuple[Limit, ...] = (
    ("edit", "full index against one edit", "×", 100),
    ("branch", "files changed by the switch", "", 10_000),
    ("kill", "runs that ended whole: verified, nothing lost, the root of scratch", "", 200),
)
AGENT: tuple[Limit, ...] = (
    ("tui", "key press to paint while a model streams and an index runs, p95", "ms", 50),
)
EDITORS: tuple[Limit, ...] = (
    ("lsp", f"{COMPLETION}, p50", "ms", 300),
    ("lsp", f"{COMPLETION}, p95", "ms", 700),
    ("lsp", "the server's share of it, p50", "ms", 5),
    ("lsp", "a superseded generation stops within, p95", "ms", 50),
    ("lsp", "a cancelled request is answered within, p95", "ms", 50),
    ("lsp", f"{KEYS}: stale answers", "", 0),
    ("lsp", f"{KEYS}: generations beside another one", "", 0),
    ("lsp", f"{KEYS}: growth of memory", "MB", 20),
    ("lsp", "hover, p50", "ms", 20),
    ("lsp", "workspace/symbol, p50", "ms", 50),
    ("acp", "a cancelled turn is answered within, p95", "ms", 50),
)
# fmt: on
PARTS_OF_SOAK = {
    "kill": "1,000 points at which writing fails",
    "files": "6,000 made-up files",
    "messages": "4,000 made-up messages",
    "edits": "an hour of edits",
    "load": "two readers and a writer under load",
}
SOAK = "make soak"


def row(benchmark: str, name: str) -> Source:
    """A row of a benchmark, if it was run in full."""

    def source(kept: Kept) -> Figure | None:
        bar = kept.bar(benchmark, name)
        return None if bar is None or bar.measured is None else Figure(bar.measured, bar.note)

    return source


def _most(area: Area, limits: tuple[Limit, ...]) -> list[Promise]:
    return [
        Promise(area, name, row(benchmark, name), command(benchmark), unit, at_most=limit)
        for benchmark, name, unit, limit in limits
    ]


PROMISES = (
    *_most("memory", MEMORY),
    *(
        Promise("memory", name, row(benchmark, name), command(benchmark), unit, at_least=limit)
        for benchmark, name, unit, limit in MEMORY_LEAST
    ),
    *_most("agent", AGENT),
    *_most("editors", EDITORS),
)


def soak_rows(kept: Kept) -> list[Row]:
    """The bars of every part of the soak; a part that was not run is a row by itself."""
    found = []
    for part, name in PARTS_OF_SOAK.items():
        bars = map(Bar.from_json, kept.soak.get(part, {}).get("bars", ()))
        judged = [bar for bar in bars if bar.verdict != "reported"]
        found += [Row("proof", bar, SOAK) for bar in judged or [Bar(name, None)]]
    return found
