"""What scores are worth on one snapshot: order, and what they would buy. Plain numbers, no network."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.floating]
TYPICAL_COST, BREVITY = 128, 0.1
"""How the focus allocator sets a low cost against a high score."""


@dataclass(frozen=True)
class Bought:
    """What a choice of entries gains, and what the best choice by true gains would, in nats."""

    realised: float
    best: float


def spearman(one: Numbers, other: Numbers) -> float:
    """Rank correlation of two rows of numbers, equals sharing their mean rank; NaN where one row is constant."""
    first, second = _ranks(one), _ranks(other)
    first, second = first - first.mean(), second - second.mean()
    spread = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / spread if spread else float("nan")


def buy(scores: Numbers, gains: Numbers, costs: Numbers, room: float) -> Bought:
    """Greedy choices within `room`, taking gains to add up: by score as the allocator would, and by true gain.

    Only scores above 0 are bought.
    """
    priority = scores * (1 + np.maximum(costs, 0) / TYPICAL_COST) ** -BREVITY
    value = gains / np.maximum(costs, 1)
    return Bought(
        realised=_greedy(priority, gains, costs, room), best=_greedy(value, gains, costs, room)
    )


def _greedy(order_by: Numbers, gains: Numbers, costs: Numbers, room: float) -> float:
    bought = 0.0
    for index in np.argsort(-order_by, kind="stable"):
        if order_by[index] <= 0:
            break
        if costs[index] <= room:
            room -= costs[index]
            bought += float(gains[index])
    return bought


def _ranks(values: Numbers) -> NDArray[np.float64]:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle: NDArray[np.float64] = last - (counts - 1) / 2
    return middle[inverse]
