"""How well scorers spend a budget of detail, scene by scene, and over all scenes with intervals.

Regret = 1 − what a scorer's choice saves / what the oracle's saves, both summed over scenes (DESIGN: focus regret).
Knows no file and no table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megacontext.models.evaluation.bootstrap import Bootstrap, Interval
from megacontext.models.training.lens.measures import spearman as rank_correlation

from ..measuring import Measurer
from .baselines.judges import Judge, Scores
from .choosing import Oracle, Outcomes, choose
from .scenes.scene import Scene
from .settings import EvaluationSettings
from .snapshots import Gains, gains, memory_room

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """How one scorer did in one scene."""

    spearman: float
    """Between its scores and the measured gains; 0 where either are all equal."""
    precision: float
    """Of the entries without detail that it scores best, the share whose detail helps."""
    realised: tuple[float, ...]
    """Nats that its choice saves, for each budget."""


@dataclass(frozen=True)
class SceneFigures:
    """One scene: what could be saved there, and what each scorer did."""

    name: str
    file: str
    oracle: tuple[float, ...]
    """Nats that the oracle's choice saves, for each budget."""
    helpful: float
    """Share of entries without detail whose detail helps."""
    judged: Mapping[str, Judged]


def figures_of(
    scene: Scene, judges: Mapping[str, Judge], settings: EvaluationSettings, measurer: Measurer
) -> SceneFigures:
    """Measure one scene."""
    worth = gains(scene, measurer)
    outcomes = Outcomes(scene, measurer)
    oracle = Oracle(outcomes, settings.remeasured)
    room = memory_room(scene, measurer) - scene.base.total
    budgets = [min(budget, room) for budget in settings.budgets]
    best = [outcomes.gain(oracle.choose(budget)) for budget in budgets]
    scores = {name: judge.scores(scene) for name, judge in judges.items()}
    judged = {
        name: Judged(
            spearman(own, worth),
            _precision(scene, own, worth, settings.precision_at),
            tuple(outcomes.gain(choose(scene, own, budget)) for budget in budgets),
        )
        for name, own in scores.items()
    }
    coarse = _coarse(scene, worth)
    return SceneFigures(
        scene.place.name,
        f"{scene.place.repo}:{scene.place.path}",
        (*best,),
        float((worth[coarse] > 0).mean()) if len(coarse) else 0.0,
        judged,
    )


def spearman(left: Scores, right: Scores) -> float:
    """Rank correlation over the pairs that are numbers; 0 where either are all equal."""
    known = ~(np.isnan(left) | np.isnan(right))
    found = rank_correlation(left[known], right[known]) if known.any() else nan
    return 0.0 if isnan(found) else found


def _coarse(scene: Scene, worth: Gains) -> NDArray[np.int64]:
    """Measured entries that are not in detail, so that they can be expanded."""
    return np.array(
        [
            index
            for index in range(len(scene.nodes))
            if index not in scene.detailed and not np.isnan(worth[index])
        ],
        np.int64,
    )


def _precision(scene: Scene, scores: Scores, worth: Gains, count: int) -> float:
    coarse = _coarse(scene, worth)
    best = coarse[np.argsort(-scores[coarse], kind="stable")[:count]]
    return float((worth[best] > 0).mean()) if len(best) else 0.0


class Comparison:
    """All scenes, resampled together by file."""

    def __init__(self, scenes: Sequence[SceneFigures], budgets: Sequence[int], seed: int) -> None:
        """Raises ModelError when there are no scenes."""
        self._scenes = scenes
        self._budgets = budgets
        self._bootstrap = Bootstrap([scene.file for scene in scenes], seed=seed)
        self._oracle = np.array([scene.oracle for scene in scenes])

    def oracle(self) -> dict[str, Interval]:
        """Nats that the oracle saves in a scene, by budget."""
        return {
            str(budget): self._bootstrap.mean(self._oracle[:, column])
            for column, budget in enumerate(self._budgets)
        }

    def helpful(self) -> Interval:
        """Share of entries without detail whose detail helps: the precision of chance."""
        return self._bootstrap.mean(np.array([scene.helpful for scene in self._scenes]))

    def of(self, name: str) -> dict[str, Any]:
        """One scorer's regret over all budgets and at each, its Spearman and its precision."""
        realised = self._realised(name)
        judged = [scene.judged[name] for scene in self._scenes]
        return {
            "regret": self._regret(realised.sum(1), self._oracle.sum(1)),
            "regret_by_budget": {
                str(budget): self._regret(realised[:, column], self._oracle[:, column])
                for column, budget in enumerate(self._budgets)
            },
            "spearman": self._bootstrap.mean(np.array([each.spearman for each in judged])),
            "precision": self._bootstrap.mean(np.array([each.precision for each in judged])),
        }

    def against(self, name: str, other: str) -> dict[str, Interval]:
        """By how much one scorer beats another, paired: below 0 in regret and above 0 in Spearman is better."""
        ours, theirs = self._realised(name).sum(1), self._realised(other).sum(1)
        pairs = [(scene.judged[name], scene.judged[other]) for scene in self._scenes]
        return {
            "regret": self._bootstrap.interval(
                lambda own, others, best: (others - own) / best, ours, theirs, self._oracle.sum(1)
            ),
            "spearman": self._bootstrap.difference(
                np.array([own.spearman for own, _ in pairs]),
                np.array([its.spearman for _, its in pairs]),
            ),
        }

    def _realised(self, name: str) -> Numbers:
        return np.array([scene.judged[name].realised for scene in self._scenes])

    def _regret(self, realised: Numbers, best: Numbers) -> Interval:
        return self._bootstrap.interval(lambda own, most: 1 - own / most, realised, best)
