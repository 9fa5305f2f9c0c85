"""Figures whose units are kept, so that two of them can be compared task by task. Knows numbers only."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from megacontext.models.evaluation.bootstrap import Bootstrap, Interval

SHARE = "%"
"""The unit of values between 0 and 1, which people read in percent."""


@dataclass(frozen=True)
class Figure:
    """The mean of a measure over the tasks of an arm."""

    name: str
    """`pass@1`, `exact match`."""
    arm: str
    values: Mapping[str, float]
    """By task; a task of which nothing is known is left out."""
    groups: Mapping[str, str]
    """By task: what is resampled together."""
    unit: str = SHARE
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        if missing := self.values.keys() - self.groups.keys():
            raise ValueError(f"{self.name} of {self.arm}: no group for task {min(missing)!r}")

    @cached_property
    def interval(self) -> Interval:
        """The mean, and where 95 % of the resampled ones lie; NaN without any value."""
        if not self.values:
            return Interval(*[float("nan")] * 3)
        draws = Bootstrap([self.groups[task] for task in self.values])
        return draws.mean(np.array(list(self.values.values())))

    def as_json(self) -> dict[str, Any]:
        """All of it, as `figure_from` reads it."""
        return {
            "name": self.name,
            "arm": self.arm,
            "unit": self.unit,
            "higher_is_better": self.higher_is_better,
            "interval": list(self.interval),
            "values": dict(self.values),
            "groups": dict(self.groups),
        }


def figure_from(data: Mapping[str, Any]) -> Figure:
    """A figure that `Figure.as_json` gave. Raises KeyError or ValueError for anything else."""
    return Figure(
        data["name"],
        data["arm"],
        {str(task): float(value) for task, value in data["values"].items()},
        {str(task): str(group) for task, group in data["groups"].items()},
        data["unit"],
        bool(data["higher_is_better"]),
    )


@dataclass(frozen=True)
class Difference:
    """How much higher one figure is than another, over the tasks that both have."""

    name: str
    left: str
    right: str
    tasks: int
    interval: Interval
    """`left` minus `right`."""
    unit: str
    higher_is_better: bool

    @property
    def verdict(self) -> str:
        """`better`, `worse` or `no difference`, of `left`: beyond doubt where 0 lies outside of the interval."""
        low, _, high = self.interval
        if not (low > 0 or high < 0):
            return "no difference"
        return "better" if (low > 0) == self.higher_is_better else "worse"


def difference(left: Figure, right: Figure) -> Difference:
    """The paired difference of two figures, resampled by the groups of `left`.

    NaN where they share no task.
    """
    shared = [task for task in left.values if task in right.values]
    found = Interval(*[float("nan")] * 3)
    if shared:
        draws = Bootstrap([left.groups[task] for task in shared])
        found = draws.difference(_column(left, shared), _column(right, shared))
    return Difference(
        left.name,
        left.arm,
        right.arm,
        len(shared),
        found,
        left.unit,
        left.higher_is_better,
    )


def shown(interval: Interval, unit: str) -> str:
    """`12.3 [11.0, 13.6] %`, the way people read it."""
    low, mid, high = (_number(each, unit) for each in interval)
    return f"{mid} [{low}, {high}] {unit}".rstrip()


def shown_difference(found: Difference) -> str:
    """The same of a difference: between percentages there are points."""
    low, mid, high = (_number(each, found.unit) for each in found.interval)
    return f"{mid} [{low}, {high}] {'points' if found.unit == SHARE else found.unit}".rstrip()


def _number(value: float, unit: str) -> str:
    if math.isnan(value):
        return "–"
    if unit == SHARE:
        return f"{100 * value:.1f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.3g}"


def _column(figure: Figure, tasks: Sequence[str]) -> Any:
    return np.array([figure.values[task] for task in tasks])
