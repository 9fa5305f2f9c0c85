"""Paired bootstrap: how far a figure would move if other samples had been drawn.

What is compared is resampled together, in whole clusters, so that the ease or hardness of a sample
cancels out (Efron and Tibshirani 1993, chapters 8 and 13). Knows numbers only.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from megacontext.configs.errors import ModelError

Numbers = NDArray[np.floating[Any]]
Statistic = Callable[..., Any]
"""From the mean of each column to a figure; must work on arrays element by element."""
DRAWS = 2000


class Interval(NamedTuple):
    """A figure and where 95 % of the resampled ones lie."""

    low: float
    mid: float
    """The figure of the samples as they are."""
    high: float

    def above(self, other: "Interval") -> bool:
        """Whether the whole interval lies above the other."""
        return self.low > other.high


class Bootstrap:
    """Resamplings of one set of samples, shared by every figure that is measured on it."""

    def __init__(self, clusters: Sequence[Hashable], draws: int = DRAWS, seed: int = 0) -> None:
        """`clusters` names the cluster of each sample; equal names are drawn together.

        Raises ModelError if there is nothing to sample.
        """
        if not clusters:
            raise ModelError("there are no samples to measure on; give more windows")
        numbers = {name: number for number, name in enumerate(dict.fromkeys(clusters))}
        self._cluster = np.array([numbers[name] for name in clusters])
        self._sizes = np.bincount(self._cluster)
        count = len(numbers)
        random = np.random.default_rng(seed)
        self._drawn = random.multinomial(count, np.full(count, 1 / count), draws).astype(np.float64)

    @property
    def clusters(self) -> int:
        """How many independent clusters there are."""
        return len(self._sizes)

    def interval(self, statistic: Statistic, *columns: Numbers) -> Interval:
        """The figure `statistic(mean of each column)` and its 95 % percentile interval.

        Each column is [samples]. A resampling in which the figure is no number does not count.
        Raises ValueError for a column of another length.
        """
        mids = [np.asarray(column, np.float64).mean() for column in columns]
        with np.errstate(divide="ignore", invalid="ignore"):
            mid = float(statistic(*mids))
            figures = np.asarray(statistic(*map(self._means, columns)), np.float64)
        finite = figures[np.isfinite(figures)]
        if not len(finite):
            return Interval(float("nan"), mid, float("nan"))
        low, high = np.quantile(finite, (0.025, 0.975))
        return Interval(float(low), mid, float(high))

    def mean(self, column: Numbers) -> Interval:
        """The mean of a column [samples]."""
        return self.interval(lambda mean: mean, column)

    def difference(self, left: Numbers, right: Numbers) -> Interval:
        """The mean of `left` minus that of `right`; beyond doubt where 0 lies outside."""
        return self.interval(lambda one, other: one - other, left, right)

    def _means(self, column: Numbers) -> Numbers:
        """The mean of a column in every resampling, [draws]."""
        if np.shape(column) != self._cluster.shape:
            raise ValueError(f"a column is {np.shape(column)}, the samples {self._cluster.shape}")
        sums = np.bincount(self._cluster, weights=column)
        means: Numbers = (self._drawn @ sums) / (self._drawn @ self._sizes)
        return means
