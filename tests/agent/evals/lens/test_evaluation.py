"""From scores and gains to figures with intervals."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.evals.lens.baselines.plain import Chance
from megacontext.agent.evals.lens.evaluation import (
    Comparison,
    Judged,
    SceneFigures,
    figures_of,
    spearman,
)
from megacontext.agent.evals.lens.settings import EvaluationSettings
from megacontext.agent.evals.lens.stability import Walk, block_steps, median, walk, walked
from megacontext.configs.errors import ModelError
from tests.agent.evals.lens.conftest import DRAW, PLACES

SETTINGS = EvaluationSettings(
    name="tiny",
    corpus="corpus.yaml",
    split="held_out",
    repositories=("fruit",),
    snapshots=2,
    places=PLACES,
    draw=DRAW,
    budgets=(60, 200),
    remeasured=1,
    precision_at=2,
)


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        ([1, 2, 3], [10, 20, 30], 1.0),
        ([1, 2, 3], [5, 4, -1], -1.0),
        ([1, 1, 1], [1, 2, 3], 0.0),
        ([], [], 0.0),
        ([1, 2, 3, 9], [1, 2, 3, float("nan")], 1.0),
        ([1, 2, 2, 3], [1, 2, 3, 4], 0.9486833),
    ],
)
def test_rank_correlation(left, right, wanted):
    found = spearman(np.array(left, float), np.array(right, float))
    assert found == pytest.approx(wanted)


@given(st.lists(st.floats(-9, 9), min_size=2, max_size=30))
def test_rank_correlation_only_knows_the_order(values):
    column = np.array(values)
    _, steps = np.unique(column, return_inverse=True)
    assert spearman(column, steps.astype(float) ** 3) in (pytest.approx(1.0), 0.0)
    assert spearman(column, column) in (pytest.approx(1.0), 0.0)


class Knows:
    """Scores as the gains will be."""

    def __init__(self, measurer):
        self._measurer = measurer

    def scores(self, scene):
        from megacontext.agent.evals.lens.snapshots import gains

        return gains(scene, self._measurer)


def test_who_knows_the_gains_ranks_them_perfectly(scene, measurer):
    judges = {"knows": Knows(measurer), "random": Chance()}
    found = figures_of(scene, judges, SETTINGS, measurer)
    assert found.judged["knows"].spearman == pytest.approx(1.0)
    assert found.judged["knows"].precision >= found.judged["random"].precision
    assert len(found.oracle) == len(found.judged["random"].realised) == 2
    assert 0 <= found.helpful <= 1 and found.file == f"fruit:{scene.place.path}"
    assert figures_of(scene, judges, SETTINGS, measurer) == found


def test_budgets_end_where_the_window_does(scene, measurer, monkeypatch):
    judges = {"random": Chance()}
    longest = measurer.length(scene.prompt(scene.detailed)) + PLACES.targets - 1
    monkeypatch.setattr(measurer.model, "context_length", longest)
    wide = SETTINGS.model_copy(update={"budgets": (60, 10_000)})
    found = figures_of(scene, judges, wide, measurer)
    assert np.isfinite(found.judged["random"].realised).all()


def made_up(name, oracle, **judged):
    scores = {who: Judged(0.5, 0.25, tuple(nats)) for who, nats in judged.items()}
    return SceneFigures(name, f"file {name}", tuple(oracle), 0.5, scores)


def test_regret_is_what_is_left_of_the_oracles_savings():
    scenes = [
        made_up("a", (2, 4), best=(2, 4), none=(0, 0), half=(1, 2)),
        made_up("b", (6, 8), best=(6, 8), none=(0, 0), half=(3, 4)),
    ]
    found = Comparison(scenes, (60, 200), seed=0)
    for who, regret in (("best", 0.0), ("none", 1.0), ("half", 0.5)):
        figures = found.of(who)
        assert tuple(figures["regret"]) == (regret,) * 3
        assert figures["regret_by_budget"]["60"].mid == regret
    assert found.against("half", "none")["regret"].mid == -0.5
    assert found.against("half", "best")["regret"].mid == 0.5
    assert found.oracle()["200"].mid == 6
    assert found.of("half")["spearman"].mid == 0.5


def test_without_scenes_nothing_is_said():
    with pytest.raises(ModelError):
        Comparison([], (60,), seed=0)


# Stillness


def test_the_cursor_moves_on_by_blocks(repository):
    steps = block_steps(repository, PLACES, "fruit/apple.py", 5)
    assert 2 <= len(steps) <= 6
    for one, other in pairwise(steps):
        moved = other.before[len(one.before) :]
        assert repository.model.counter.count(moved) >= 32
    assert block_steps(repository, PLACES, "fruit/__init__.py", 5) == []


def test_a_cursor_that_stands_still_changes_nothing(repository):
    lens = repository.text_lens
    (first, *_) = block_steps(repository, PLACES, "fruit/apple.py", 5)
    found = walk(repository, lens, lens.scorer, [first] * 4, budget=400)
    assert found.actions == 0 and found.blocks == 0
    assert found.stays and set(found.stays) == {4}


def test_actions_are_counted_for_the_way_that_was_gone(repository):
    lens = repository.text_lens
    steps = block_steps(repository, PLACES, "fruit/apple.py", 8)
    found = walk(repository, lens, lens.scorer, steps, budget=300)
    assert found.blocks >= len(steps) - 1
    # Every stay begins and ends with an action, but for those at the ends of the walk.
    assert found.actions <= 2 * len(found.stays)


def test_stillness_is_told_with_intervals():
    found = walked([Walk("a", 10, 5, [1, 3]), Walk("b", 10, 15, [8])], seed=0)
    assert found["flips_per_block"].mid == 1.0
    assert found["flips_per_block"].low == 0.5 and found["flips_per_block"].high == 1.5
    assert found["residency"].mid == 4.0


def test_the_median_lies_in_its_interval():
    low, mid, high = median([1, 2, 3, 4, 100], seed=0)
    assert low <= mid == 3 <= high
