"""Spending a budget on detail: by a scorer's scores, and by what really helps (the oracle).

Both start from the context without any detail, so what a choice gains is what it saves against that. A collapse is
an entry that is not chosen. Knows no scorer.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from megacontext.memory.focus import FocusSettings
from megacontext.memory.focus.allocator import TYPICAL_COST

from ..measuring import Losses, Measurer
from .scenes.scene import Detail, Scene

Scores = NDArray[np.floating]


class Outcomes:
    """What the base loses in one scene for each choice of detail; every choice is measured once."""

    def __init__(self, scene: Scene, measurer: Measurer) -> None:
        self.scene = scene
        self._measurer = measurer
        self._known: dict[Detail, float] = {}

    def losses(self, details: Sequence[Detail]) -> Losses:
        """Nats over the targets for each choice `[n]`."""
        missing = [detail for detail in dict.fromkeys(details) if detail not in self._known]
        if missing:
            prompts = [self.scene.prompt(detail) for detail in missing]
            found = self._measurer.losses(prompts, self.scene.place.targets)
            self._known.update(zip(missing, found.tolist(), strict=True))
        return np.array([self._known[detail] for detail in details])

    def gain(self, detail: Detail) -> float:
        """What a choice saves against no detail at all, in nats."""
        bare, chosen = self.losses([frozenset(), detail])
        return float(bare - chosen)


def choose(scene: Scene, scores: Scores, budget: int) -> Detail:
    """What a focus with these scores puts in detail: by the allocator's priorities, as far as the budget goes.

    `budget` counts positions beyond those without detail. What scores no more than the minimum stays as it is.
    """
    settings = FocusSettings()
    costs = np.array(scene.bare_costs)
    priorities = scores * (1 + costs / TYPICAL_COST) ** -settings.brevity
    order = np.argsort(-priorities, kind="stable")
    wanted = (index for index in order.tolist() if scores[index] > settings.cursor_minimum)
    return _filled(scene, wanted, budget)


def _filled(scene: Scene, order: Iterable[int], budget: int) -> Detail:
    cut, chosen = scene.base, set[int]()
    for index in order:
        tried = cut.copy()
        scene.expand(tried, index)
        if tried.total - scene.base.total <= budget:
            cut = tried
            chosen.add(index)
    return frozenset(chosen)


class Oracle:
    """Takes the entry of the highest measured gain per position, again and again, until nothing fits or helps.

    After each of the first `remeasured` steps those entries that helped are measured again behind what is taken by
    then; later the gains that were measured last stand. It stops at the step where the base loses least.
    """

    def __init__(self, outcomes: Outcomes, remeasured: int) -> None:
        self._outcomes = outcomes
        self._scene = outcomes.scene
        self._remeasured = remeasured

    def choose(self, budget: int) -> Detail:
        """The best choice found for so many positions beyond those without detail."""
        steps: list[Detail] = [frozenset()]
        affordable = self._affordable(steps[0], budget)
        worths = self._worths(steps[0], list(affordable))
        while helpful := [index for index in affordable if worths.get(index, 0) > 0]:
            best = max(helpful, key=lambda index: worths[index] / max(1, affordable[index]))
            steps.append(steps[-1] | {best})
            affordable = self._affordable(steps[-1], budget)
            if len(steps) <= self._remeasured + 1:
                # A chunk may fit only now, behind another of its file that has the header.
                again = [index for index in affordable if worths.get(index, 1) > 0]
                worths |= self._worths(steps[-1], again)
        return steps[int(np.argmin(self._outcomes.losses(steps)))]

    def _affordable(self, taken: Detail, budget: int) -> dict[int, int]:
        """The entries that still fit, and what each costs on top."""
        cut = self._scene.cut(taken)
        found: dict[int, int] = {}
        for index in range(len(self._scene.nodes)):
            if index in taken:
                continue
            tried = cut.copy()
            self._scene.expand(tried, index)
            if tried.total - self._scene.base.total <= budget:
                found[index] = tried.total - cut.total
        return found

    def _worths(self, taken: Detail, entries: Sequence[int]) -> dict[int, float]:
        now, *then = self._outcomes.losses([taken, *(taken | {index} for index in entries)])
        return dict(zip(entries, (now - np.array(then)).tolist(), strict=True))
