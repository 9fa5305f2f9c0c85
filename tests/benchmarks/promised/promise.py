"""A promise, and from what was kept to its row. Knows no single promise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from ..bars import Bar
from .kept import Kept

Area = Literal["memory", "gists and focus", "agent", "editors", "proof"]
AREAS: tuple[Area, ...] = ("memory", "gists and focus", "agent", "editors", "proof")


@dataclass(frozen=True)
class Figure:
    """What was measured for a promise."""

    value: float
    note: str = ""


Source = Callable[[Kept], Figure | None]
"""Where its figure is; None where there is none."""


@dataclass(frozen=True)
class Promise:
    """One figure that was promised."""

    area: Area
    name: str
    source: Source
    again: str
    """How to measure it again."""
    unit: str = ""
    at_most: float | None = None
    at_least: float | None = None


@dataclass(frozen=True)
class Row:
    """A promise and what came of it."""

    area: Area
    bar: Bar
    again: str


def row_of(promise: Promise, kept: Kept) -> Row:
    """Held to what was promised, whatever the figure's own file says of it; without a figure it is not met."""
    figure = promise.source(kept)
    bar = Bar(
        promise.name,
        figure.value if figure else None,
        promise.unit,
        promise.at_most,
        promise.at_least,
        figure.note if figure else "",
    )
    return Row(promise.area, bar, promise.again)


def counts(rows: Sequence[Row]) -> str:
    """`71 bars: 40 met, 20 missed, 11 not measured`"""
    verdicts = [row.bar.verdict for row in rows]
    parts = (f"{verdicts.count(each)} {each}" for each in ("met", "missed", "not measured"))
    return f"{len(rows)} bars: {', '.join(parts)}"
