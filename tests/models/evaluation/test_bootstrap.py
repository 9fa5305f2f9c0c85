import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megacontext.configs.errors import ModelError
from megacontext.models.evaluation.bootstrap import Bootstrap, Interval

numbers = st.lists(st.floats(-100, 100), min_size=2, max_size=40)


def noise(size: int, seed: int = 0):
    return np.random.default_rng(seed).normal(size=size)


@settings(max_examples=50, deadline=None)
@given(values=numbers)
def test_a_mean_lies_in_its_interval_and_the_interval_in_the_range(values):
    low, mid, high = Bootstrap(range(len(values)), draws=500).mean(np.array(values))
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= low <= high <= max(values) + slack
    assert mid == pytest.approx(np.mean(values))


@settings(max_examples=30, deadline=None)
@given(values=numbers, factor=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_intervals_move_with_the_numbers(values, factor, shift):
    boot = Bootstrap(range(len(values)), draws=300)
    plain = boot.mean(np.array(values))
    moved = boot.mean(factor * np.array(values) + shift)
    assert moved == pytest.approx([factor * each + shift for each in plain], abs=1e-6)


def test_equal_seeds_give_equal_intervals_and_others_do_not():
    values = noise(50)
    assert Bootstrap(range(50), seed=1).mean(values) == Bootstrap(range(50), seed=1).mean(values)
    assert Bootstrap(range(50), seed=1).mean(values) != Bootstrap(range(50), seed=2).mean(values)


def test_the_interval_of_a_mean_is_as_wide_as_theory_says():
    values = noise(400)
    low, mid, high = Bootstrap(range(400), draws=4000).mean(values)
    error = values.std() / np.sqrt(len(values))
    assert (mid - low, high - mid) == pytest.approx((1.96 * error, 1.96 * error), rel=0.1)


def test_pairs_stay_together_so_what_they_share_cancels_out():
    hard = 10 * noise(200)
    better, worse = hard + 0.1 * noise(200, 1), hard + 0.2 + 0.1 * noise(200, 2)
    boot = Bootstrap(range(200))
    assert boot.difference(better, worse).high < 0
    assert not boot.mean(worse).above(boot.mean(better))


def test_a_ratio_of_means_is_not_the_mean_of_ratios():
    part, whole = np.array([1.0, 0.0]), np.array([1.0, 3.0])
    assert Bootstrap("ab").interval(lambda a, b: a / b, part, whole).mid == 0.25


def test_samples_of_one_cluster_add_no_certainty():
    values = noise(40)
    alone = Bootstrap(range(40)).mean(values)
    repeated = Bootstrap([i // 5 for i in range(200)]).mean(np.repeat(values, 5))
    assert repeated == pytest.approx(alone, abs=1e-9)
    apart = Bootstrap(range(200)).mean(np.repeat(values, 5))
    assert apart.high - apart.low < 0.6 * (alone.high - alone.low)


def test_clusters_of_unequal_size_weigh_by_their_samples():
    boot = Bootstrap("aab")
    assert boot.clusters == 2
    assert boot.mean(np.array([1.0, 1.0, 4.0])).mid == 2


def test_resamplings_without_a_figure_do_not_count():
    boot = Bootstrap(range(3))
    ratio = boot.interval(lambda a, b: a / b, np.array([1.0, 1, 1]), np.array([0.0, 0, 1]))
    assert np.isfinite(ratio).all()
    nothing = boot.interval(lambda a, b: a / b, np.ones(3), np.zeros(3))
    assert np.isnan(nothing.low)
    assert np.isnan(nothing.high)


def test_wrong_input_is_refused():
    with pytest.raises(ModelError, match="no samples"):
        Bootstrap([])
    with pytest.raises(ValueError, match="column"):
        Bootstrap("abc").mean(np.ones(2))


def test_intervals_apart():
    assert Interval(0.5, 0.6, 0.7).above(Interval(0.1, 0.2, 0.4))
    assert not Interval(0.5, 0.6, 0.7).above(Interval(0.1, 0.2, 0.5))


def test_many_figures_are_quick():
    boot = Bootstrap(range(600))
    values = noise(600)
    start = time.process_time()
    for _ in range(100):
        boot.mean(values)
    assert time.process_time() - start < 2
