"""Figures that belong side by side as Markdown tables: a curve by sizes, tools by measures. Measures nothing."""

from collections.abc import Iterable, Sequence

from megacontext.agent.evals.reports import table

from .bars import Bar, amount
from .curves import Curve, size, sizes

HIGHER_IS_BETTER = "%"
"""The unit of shares; whatever else tools are compared by is time or room."""


def curve_table(curves: Sequence[Curve]) -> str:
    """A row for each curve, with the power of tokens that it grows as."""
    columns = sizes(curves)
    rows = []
    for curve in curves:
        at = dict(curve.points)
        slope = "–" if curve.slope is None else f"tokens^{curve.slope:.2f}"
        rows.append([curve.name, *(amount(at.get(each), curve.unit) for each in columns), slope])
    return table(["tokens in the repository", *map(size, columns), "grows as"], rows)


def level_table(curves: Sequence[Curve]) -> str:
    """Bytes a token by level: a row for each, a column for each size."""
    columns = sizes(curves)
    rows = []
    for curve in curves:
        at = dict(curve.points)
        rows.append([curve.name, *(amount(at.get(each), "") for each in columns)])
    return table(["bytes a token", *map(size, columns)], rows)


def side_by_side(bars: Iterable[Bar]) -> str:
    """A row for each measure, a column for each tool, and which tools are best at it."""
    rows: dict[str, dict[str, Bar]] = {}
    for bar in bars:
        rows.setdefault(bar.name, {})[bar.of] = bar
    tools = list(dict.fromkeys(tool for row in rows.values() for tool in row))
    lines = []
    for name, row in rows.items():
        winners = best(row)
        cells = [_cell(row.get(tool), tool in winners) for tool in tools]
        alike = len(winners) > 1 and len(winners) == len(tools)
        lines.append([name, *cells, "all alike" if alike else ", ".join(winners) or "–"])
    return table(["", *tools, "best"], lines)


def best(row: dict[str, Bar]) -> list[str]:
    """The tools whose figure no other one beats; those without a figure are not among them."""
    values = {tool: bar.measured for tool, bar in row.items() if bar.measured is not None}
    if not values:
        return []
    unit = next(iter(row.values())).unit
    top = max(values.values()) if unit == HIGHER_IS_BETTER else min(values.values())
    return [tool for tool, value in values.items() if value == top]


def _cell(bar: Bar | None, is_best: bool) -> str:
    if bar is None:
        return ""
    shown = amount(bar.measured, bar.unit)
    return " ".join(filter(None, (f"**{shown}**" if is_best else shown, bar.note)))
