"""Losses against plain loops, and what must not count."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from megacontext.models.training.lens.losses import (
    budget_loss,
    ranking_loss,
    regression_loss,
    squash,
)
from megacontext.models.training.lens.measures import buy, spearman

nats = st.floats(-1e4, 1e4, allow_nan=False)


def rows(*values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)


def yes(*values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.bool)


@settings(deadline=None)
@given(nats, nats, st.floats(1e-3, 10))
def test_squashing_keeps_order_and_sign(one, other, unit):
    a, b = squash(torch.tensor([one, other], dtype=torch.float64), unit).tolist()
    assert (a > b) == (one > other) and math.copysign(1, a) * abs(a) == a
    assert squash(torch.zeros(1), unit) == 0
    assert a == pytest.approx(-squash(torch.tensor(-one, dtype=torch.float64), unit).item())


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(0, 99), st.sampled_from([0.0, 0.5, 1.0]))
def test_the_ranking_loss_is_that_of_a_loop_over_pairs(entries, seed, least):
    random = np.random.default_rng(seed)
    scores, worth = random.normal(size=(2, 3, entries))
    measured = random.random((3, entries)) < 0.8
    of_snapshots = []
    for row in range(3):
        total = weight = 0.0
        for i in range(entries):
            for j in range(entries):
                difference = worth[row, i] - worth[row, j]
                if measured[row, i] and measured[row, j] and difference > least:
                    total += difference * math.log1p(math.exp(scores[row, j] - scores[row, i]))
                    weight += difference
        if weight:
            of_snapshots.append(total / weight)
    expected = sum(of_snapshots) / len(of_snapshots) if of_snapshots else 0.0
    tensors = map(torch.from_numpy, (scores, worth, measured))
    assert ranking_loss(*tensors, least=least).item() == pytest.approx(expected, abs=1e-9)


def test_large_snapshots_count_no_more_than_small_ones():
    scores, worth = rows([3, 0, 0], [1, 1, 1]), rows([0, 0, 0], [0, 0, 0])
    alone = yes([True, False, False], [True, True, True])
    assert regression_loss(scores, worth, alone).item() == pytest.approx((2.5 + 0.5) / 2)


def test_what_is_not_measured_counts_nowhere():
    scores = rows([1, 5, 2], [9, 9, 9]).requires_grad_()
    worth, measured = rows([2, 7, 1], [3, 3, 3]), yes([True, False, True], [False] * 3)
    costs, room = rows([1, 1e9, 1], [5, 5, 5]), torch.tensor([4.0, 0.0])
    regression = regression_loss(scores, worth, measured)
    ranking = ranking_loss(scores, worth, measured)
    budget = budget_loss(scores, worth, costs, measured, room)
    assert regression.item() == pytest.approx(0.5)
    assert ranking.item() == pytest.approx(math.log1p(math.e))
    assert budget.item() < 1
    (regression + ranking + budget).backward()
    assert scores.grad[0, 1] == 0 and not scores.grad[1].any()
    nothing = torch.zeros_like(measured)
    for loss in (regression_loss, ranking_loss):
        assert loss(scores, worth, nothing) == 0


def test_the_soft_knapsack_wants_what_gains_and_fits():
    gains, costs, measured = rows([2, 1, -1]), rows([10, 10, 10]), yes([True] * 3)

    def loss(scores, room):
        return budget_loss(rows(scores), gains, costs, measured, torch.tensor([room])).item()

    good, all_of_it, none = [9, 9, -9], [9, 9, 9], [-9, -9, -9]
    assert loss(good, 20.0) == pytest.approx(0, abs=1e-4)
    assert loss(none, 20.0) == pytest.approx(3 / 4, abs=1e-4)
    assert loss(all_of_it, 20.0) == pytest.approx(1 / 4 + 10 / 20, abs=1e-4)
    assert loss([9, -9, -9], 10.0) < loss(good, 10.0)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1, 2, 3], [10, 20, 900], 1),
        ([1, 2, 3], [3, 2, 1], -1),
        ([1, 2, 2, 3], [1, 2, 3, 4], 0.9486832980505138),
        ([1, 2, 3, 4], [2, 1, 4, 3], 0.6),
    ],
)
def test_spearman(one, other, expected):
    assert spearman(np.array(one), np.array(other)) == pytest.approx(expected)
    assert spearman(np.array(other), np.array(one)) == pytest.approx(expected)


def test_spearman_of_a_constant_is_unknown():
    assert math.isnan(spearman(np.ones(3), np.arange(3.0)))


def test_buying_keeps_to_the_room_and_to_scores_above_zero():
    gains, costs = np.array([5.0, 4.0, 3.0, -2.0]), np.array([30.0, 10.0, 10.0, 5.0])
    bought = buy(np.array([3.0, 1.0, -1.0, 2.0]), gains, costs, room=40)
    assert (bought.realised, bought.best) == (5 - 2, 4 + 3)
    assert buy(np.full(4, -1.0), gains, costs, 40).realised == 0
    assert buy(np.ones(4), gains, costs, 0).best == 0


@settings(deadline=None)
@given(st.lists(st.tuples(nats, st.integers(0, 300)), max_size=8), st.integers(0, 500))
def test_to_know_the_gains_per_cost_is_to_have_no_regret(entries, room):
    gains, costs = np.array(entries, dtype=float).reshape(-1, 2).T
    value = gains / np.maximum(costs, 1) * (1 + costs / 128) ** 0.1
    bought = buy(value, gains, costs, room)
    assert bought.realised == pytest.approx(bought.best)
