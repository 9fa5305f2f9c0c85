"""Spending a budget: never over it, in the order of scores; and the oracle, which knows what helps."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.agent.evals.lens.choosing import Oracle, Outcomes, choose
from megacontext.agent.evals.lens.scenes.drawing import draw_scene
from megacontext.memory.focus import FocusSettings
from tests.agent.evals.lens.conftest import DRAW


def spent(scene, detail):
    return scene.cut(detail).total - scene.base.total


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_choice_keeps_to_its_budget_and_leaves_out_what_is_not_wanted(scene, data):
    count = len(scene.nodes)
    numbers = st.floats(-1, 1, allow_nan=False)
    scores = np.array(data.draw(st.lists(numbers, min_size=count, max_size=count)))
    budget = data.draw(st.integers(1, 600))
    detail = choose(scene, scores, budget)
    assert spent(scene, detail) <= budget
    minimum = FocusSettings().cursor_minimum
    assert all(scores[index] > minimum for index in detail)
    for index in set(range(count)) - detail:
        assert scores[index] <= minimum or spent(scene, detail | {index}) > budget


def test_the_best_scores_come_first(scene):
    costs = np.array(scene.bare_costs)
    best = int(np.argmin(costs))
    scores = np.full(len(costs), 0.1)
    scores[best] = 1.0
    assert choose(scene, scores, int(costs[best])) == {best}


class Planted(Outcomes):
    """Outcomes as somebody says they are."""

    def __init__(self, scene, worths, together=0.0):
        super().__init__(scene, measurer=None)
        self._worths = worths
        self._together = together
        self.asked = 0

    def losses(self, details):
        self.asked += len(details)
        return np.array(
            [
                100
                - sum(self._worths[index] for index in detail)
                - self._together * len(detail) ** 2
                for detail in details
            ]
        )


def test_the_oracle_takes_what_helps_and_nothing_else(scene):
    worths = np.where(np.arange(len(scene.nodes)) % 2 == 0, 3.0, -2.0)
    everything = 10_000
    detail = Oracle(Planted(scene, worths), remeasured=3).choose(everything)
    assert detail == set(range(0, len(worths), 2))
    assert Oracle(Planted(scene, -np.ones(len(worths))), 3).choose(everything) == frozenset()


def test_the_oracle_takes_the_most_for_its_positions(scene):
    costs = np.array(scene.bare_costs, float)
    worths = costs / 100
    cheap = int(np.argmin(costs))
    worths[cheap] *= 1.5
    detail = Oracle(Planted(scene, worths), 2).choose(int(costs[cheap]))
    assert detail == {cheap}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_oracle_keeps_to_any_budget(repository, scene, seed):
    found = draw_scene(repository, scene.place, DRAW, seed)
    for budget in (*range(1, 400, 7), 10_000):
        detail = Oracle(Planted(found, np.ones(len(found.nodes))), 2).choose(budget)
        assert spent(found, detail) <= budget


def test_the_oracle_stops_where_more_would_hurt(scene):
    """Each helps alone, and all together do harm; gains that were measured once do not tell."""
    worths = np.full(len(scene.nodes), 5.0)
    detail = Oracle(Planted(scene, worths, together=-1.0), remeasured=1).choose(10_000)
    assert 2 <= len(detail) <= 3


def test_the_oracle_does_no_worse_than_no_detail_with_a_real_base(scene, measurer):
    outcomes = Outcomes(scene, measurer)
    oracle = Oracle(outcomes, remeasured=2)
    for budget in (50, 150, 400):
        assert outcomes.gain(oracle.choose(budget)) >= 0
    before = measurer.forwards
    outcomes.gain(oracle.choose(400))
    assert measurer.forwards == before
