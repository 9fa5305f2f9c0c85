"""Who says which entries of a scene deserve detail: the protocol of all that are compared. Knows no measure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from megacontext.memory.focus import Scorer

from ..scenes.scene import Scene

Scores = NDArray[np.float64]


class Judge(Protocol):
    """Scores the entries of scenes of one repository."""

    def scores(self, scene: Scene) -> Scores:
        """Scores `[n]`: larger asks for detail more urgently, none for what is below the focus' minimum."""
        ...


@dataclass(frozen=True)
class Asked:
    """A scorer of the product, asked as a focus asks it."""

    scorer: Scorer

    def scores(self, scene: Scene) -> Scores:
        """The scorer's own scores."""
        return np.asarray(self.scorer.score(scene.nodes, scene.query), np.float64)


@dataclass(frozen=True)
class Filled:
    """A judge whose minimum is not heeded: the budget is spent, whatever its scores."""

    judge: Judge

    def scores(self, scene: Scene) -> Scores:
        """Scores above 0, in the same order."""
        return ranged(self.judge.scores(scene))


@dataclass(frozen=True)
class Sum:
    """Several judges, each brought to [0, 1] within the scene, added up."""

    judges: Sequence[Judge]

    def scores(self, scene: Scene) -> Scores:
        """Scores above 0."""
        return sum((ranged(judge.scores(scene)) for judge in self.judges), np.zeros(1))


def ranged(scores: Scores) -> Scores:
    """Scores without a zero of their own, brought to [0, 1] and a little above 0, so that all ask for detail."""
    low, high = scores.min(), scores.max()
    spread = high - low
    return np.full_like(scores, 0.5) if spread == 0 else (scores - low) / spread + 1e-6
