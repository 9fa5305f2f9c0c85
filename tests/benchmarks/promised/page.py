"""All promises as the head of the page of benchmarks. Knows no single promise."""

from collections.abc import Sequence

from ..bars import amount
from .promise import AREAS, Row, counts

HEADINGS = (
    "| | wanted | measured | used | verdict | again with | |\n|---|---|---:|---:|---|---|---|"
)
INTRODUCTION = """## Every bar

{counts}. A bar without a kept figure is *not measured*, never met. The figures are those of this page, of the
[reports](reports/) on the weights that ship, and of finished [evals](evals.md). How to measure it again stands beside
each.
"""


def section(rows: Sequence[Row]) -> str:
    """As Markdown, area by area."""
    parts = [INTRODUCTION.format(counts=counts(rows))]
    for area in AREAS:
        own = [row for row in rows if row.area == area]
        if own:
            parts.append(f"### {area.capitalize()}\n\n{counts(own)}.\n\n{HEADINGS}")
            parts[-1] += "".join(f"\n{_line(row)}" for row in own) + "\n"
    return "\n".join(parts)


def _line(row: Row) -> str:
    bar = row.bar
    used = "" if bar.ratio is None else f"{bar.ratio:.2f}"
    verdict = bar.verdict if bar.verdict == "met" else f"**{bar.verdict}**"
    cells = (bar.name, bar.wanted, amount(bar.measured, bar.unit), used, verdict, f"`{row.again}`")
    return f"| {' | '.join((*cells, bar.note))} |"
