"""Every promise there is, by area."""

from ..bars import Bar
from ..report import command
from . import benchmarked, evaluated, learned
from .kept import Kept
from .promise import AREAS, Area, Row, row_of

PROMISES = (*benchmarked.PROMISES, *learned.PROMISES, *evaluated.PROMISES)


AREA_OF: dict[str, Area] = {
    "refocus": "gists and focus",
    "tui": "agent",
    "chat": "agent",
    "lsp": "editors",
    "acp": "editors",
    "mcp": "editors",
}
"""Of a benchmark; all others are of the memory."""


def rows(kept: Kept) -> list[Row]:
    """What came of each, area by area; a benchmark's own bars that are not among them come last."""
    found = [row_of(promise, kept) for promise in PROMISES]
    found += [*_others(kept, {row.bar.name for row in found}), *benchmarked.soak_rows(kept)]
    return sorted(found, key=lambda row: AREAS.index(row.area))


def _others(kept: Kept, listed: set[str]) -> list[Row]:
    return [
        Row(AREA_OF.get(benchmark, "memory"), bar, command(benchmark))
        for benchmark, result in kept.results.items()
        for bar in map(Bar.from_json, result["bars"])
        if bar.wanted and bar.name not in listed
    ]
