"""How a figure grows with the repository: points, and the exponent of the power of tokens that fits them best.

Knows no benchmark and draws nothing.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import linear_regression

from .bars import Bar

Point = tuple[float, float]
"""Tokens, and the figure."""


@dataclass(frozen=True)
class Curve:
    """One figure at several sizes."""

    name: str
    unit: str
    points: tuple[Point, ...]
    """By size."""

    @property
    def slope(self) -> float | None:
        """The b of figure = a · tokens^b, by least squares of the logarithms: 0 stays as it is, 1 grows along.

        None for fewer than two sizes, and where a figure is 0.
        """
        if len(self.points) < 2 or any(value <= 0 for _, value in self.points):
            return None
        tokens, values = zip(*self.points, strict=True)
        return linear_regression(list(map(math.log, tokens)), list(map(math.log, values))).slope


def curves(bars: Iterable[Bar]) -> list[Curve]:
    """The curves among some figures, in their order; what was not measured is no point."""
    found: dict[tuple[str, str], list[Point]] = {}
    for bar in bars:
        if bar.at is not None:
            points = found.setdefault((bar.name, bar.unit), [])
            if bar.measured is not None:
                points.append((bar.at, bar.measured))
    return [Curve(name, unit, tuple(sorted(points))) for (name, unit), points in found.items()]


def sizes(of: Sequence[Curve]) -> list[float]:
    """All sizes that some curve has a point at, in order."""
    return sorted({tokens for curve in of for tokens, _ in curve.points})


def size(tokens: float) -> str:
    """`1.02 M`, the way people read it."""
    return f"{tokens / 1e6:.3g} M"
