"""Snapshots as batches: padding, parts, order, and the curriculum that draws from them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from megacontext.models.lensnet import LensNet
from megacontext.models.training.lens.batches import (
    Order,
    collate,
    part_of,
    room_of,
    split_repositories,
)
from megacontext.models.training.lens.learner import LensLearner
from megacontext.models.training.lens.settings import LensRunSettings
from megacontext.models.training.task import Moment
from tests.models.lens.made_up import FEATURES, snapshot
from tests.models.lens_nets import config

HOLES = torch.tensor([1.0, float("nan"), 0.5])
ROWS = np.arange(3)


def settings(**changes) -> LensRunSettings:
    values = {"name": "x", "dataset": "d", "schedule": {"total_steps": 4}, "batch": {"windows": 3}}
    return LensRunSettings(**values | {"drop_gists": 0.0} | changes)


def learner(**changes) -> LensLearner:
    net = LensNet(config(feature_names=FEATURES))
    return LensLearner(net, [snapshot(number) for number in range(3)], settings(**changes))


def test_a_batch_holds_every_snapshot_and_nothing_more():
    some = [snapshot(1, entries=3, queries=0, gains=HOLES), snapshot(2, entries=5, queries=2)]
    batch = collate(some)
    assert batch.entries.present.sum(-1).tolist() == [3, 5]
    assert batch.asked.present.sum(-1).tolist() == [0, 2]
    assert batch.measured.tolist() == [[True, False, True, False, False], [True] * 5]
    assert torch.equal(batch.entries.gists[1], some[1].entry_gists)
    assert batch.gains.isfinite().all()
    assert not batch.gains[0, 1:2].any() and not batch.gains[0, 3:].any()


def test_what_is_illegal_is_not_learned():
    legal = torch.tensor([True, False, True])
    assert collate([snapshot(1, entries=3, legal=legal)]).measured.tolist() == [legal.tolist()]


def test_the_room_for_detail_is_what_the_rest_leaves():
    def room(budget):
        return room_of(
            snapshot(
                1,
                entries=3,
                costs=torch.tensor([40, 4, 4], dtype=torch.int32),
                detail_costs=torch.tensor([36, 30, 20], dtype=torch.int32),
                detailed=torch.tensor([True, False, False]),
                budget=budget,
            )
        )

    assert (room(100), room(5)) == (100 - 4 - 4 - 4, 0)


@limits(deadline=None)
@given(st.integers(0, 15), st.integers(0, 5))
def test_a_part_is_rows_of_the_whole_in_their_order(count, seed):
    whole = snapshot(1)
    part = part_of(whole, count, torch.Generator().manual_seed(seed))
    assert len(part) == min(count, len(whole))
    places = [whole.gains.tolist().index(gain) for gain in part.gains.tolist()]
    assert places == sorted(places)
    assert torch.equal(part.entry_gists, whole.entry_gists[places])
    assert torch.equal(part.features, whole.features[places])
    assert torch.equal(part.query_gists, whole.query_gists)


@limits(deadline=None)
@given(st.sets(st.text(max_size=3), min_size=2), st.floats(0.01, 0.99), st.integers(0, 9))
def test_repositories_are_either_trained_on_or_measured_on(names, share, seed):
    repeated = [*sorted(names), *sorted(names)]
    train, held = split_repositories(repeated, share, seed)
    assert train | held == names and not train & held and held
    assert (train, held) == split_repositories(repeated[::-1], share, seed)


@limits(deadline=None)
@given(st.integers(1, 9), st.integers(1, 7), st.integers(0, 3))
def test_every_epoch_reads_everything_once(count, size, seed):
    numbers = range(100, 100 + count)
    order = Order(numbers, seed)
    read = np.concatenate([order.batch(index, size) for index in range(2 * count)])
    for epoch in range(2 * size):
        assert set(read[epoch * count : (epoch + 1) * count]) == set(numbers)
    assert np.array_equal(Order(numbers, seed).batch(1, size), order.batch(1, size))


@pytest.mark.parametrize(("progress", "entries"), [(0.0, 4), (0.25, 10), (0.5, 12), (1.0, 12)])
def test_the_curriculum_grows_to_all_entries(progress, entries):
    one = learner(curriculum={"opening": 0.5, "first_entries": 4})
    assert one.batch(ROWS, Moment(7, progress)).measured.shape == (3, entries)


def test_a_step_draws_the_same_again_and_the_next_another():
    one = learner(curriculum={"first_entries": 4}, drop_gists=0.5)
    first, again, other = (one.batch(ROWS, Moment(step, 0.0)) for step in (3, 3, 4))
    assert torch.equal(first.entries.gists, again.entries.gists)
    assert not torch.equal(first.gains, other.gains)
    dropped = (first.entries.gists == 0).all(-1).float().mean()
    assert 0 < dropped < 1


def test_small_differences_come_last():
    one = learner(terms={"regression": 0, "budget": 0}, curriculum={"first_difference": 1e6})
    assert one.loss(ROWS, Moment(0, 0.0))[0] == 0
    assert one.loss(ROWS, Moment(0, 1.0))[0] > 0


@pytest.mark.parametrize("name", ["regression", "ranking", "budget"])
def test_every_term_can_be_alone(name):
    terms = dict.fromkeys(("regression", "ranking", "budget"), 0.0) | {name: 2.0}
    total, parts = learner(terms=terms).loss(ROWS, Moment(0, 1.0))
    assert set(parts) == {name}
    assert total.item() == pytest.approx(2 * parts[name])


def test_the_price_of_positions_is_taken_off():
    free, dear = (learner(worth={"price": price}) for price in (0.0, 0.5))
    batch = free.batch(ROWS, Moment(0, 1.0))
    assert torch.equal(free.worth(batch) > 0, batch.gains > 0)
    assert torch.equal(dear.worth(batch) > 0, batch.gains > 0.5 * batch.costs)
