from dataclasses import asdict, replace

import numpy as np
import pytest

from megacontext.configs.errors import ModelError
from megacontext.models.evaluation.arms import FULL, NONE, Arm
from megacontext.models.evaluation.bootstrap import Bootstrap
from megacontext.models.evaluation.ceiling import Ceiling
from megacontext.models.evaluation.gist_cgr import quick_cgr
from megacontext.models.evaluation.gist_figures import (
    Comparison,
    GistFigures,
    measure_gists,
    passes,
)
from megacontext.models.evaluation.passages import BEHIND_TAIL, SETTINGS, sample_passages
from megacontext.models.evaluation.reading import full_digest

RATIOS = ["4x", "8x", "16x", "32x"]


@pytest.fixture(scope="module")
def passages(windows, layout):
    return sample_passages(windows, 10, 0, layout)


@pytest.fixture(scope="module")
def figures(base, gistnet, passages) -> GistFigures:
    return measure_gists(base, gistnet, passages, passages.windows.tolist())


def test_every_figure_is_there_in_both_settings(figures):
    assert set(figures.settings) == {"right_before", "behind_tail"}
    for found in figures.settings.values():
        for table in (found.cgr, found.delta_nll, found.controls["last_tokens"].gist_minus):
            assert list(table["16"]) == RATIOS
        assert list(found.slots["16"]) == [str(k) for k in range(1, 9)]
        assert set(found.controls) == {"last_tokens", "mean_pooled", "shuffled", "mixed"}


def test_intervals_are_in_order_and_about_the_figure(figures):
    for setting in figures.settings.values():
        for table in (setting.cgr, setting.delta_nll, setting.nll, setting.slots):
            for row in table.values():
                assert all(low <= mid <= high for low, mid, high in row.values())


def test_all_blocks_at_level_0_cost_exactly_nothing(figures):
    assert [each.all_verbatim for each in figures.settings.values()] == [0.0, 0.0]


def test_the_curve_goes_through_the_ratios(figures):
    for setting in figures.settings.values():
        for slots, ratio in zip((8, 4, 2, 1), RATIOS, strict=True):
            assert setting.slots["16"][str(slots)] == setting.cgr["16"][ratio]


def test_differences_are_those_of_the_figures(figures):
    for setting in figures.settings.values():
        for control in setting.controls.values():
            for ratio in RATIOS:
                gain = control.gist_minus["16"][ratio].mid
                apart = setting.cgr["16"][ratio].mid - control.cgr["16"][ratio].mid
                assert gain == pytest.approx(apart, abs=1e-6)


def test_the_full_and_the_quick_measurement_agree(base, gistnet, windows, layout):
    found = measure_gists(base, gistnet, sample_passages(windows, 10, 0, layout), range(10))
    quick = quick_cgr(base, gistnet, windows, 10, layout=layout)
    for setting in SETTINGS:
        for ratio in RATIOS:
            full = found.settings[setting.name]
            assert quick[f"{setting.name}/{ratio}/cgr"] == pytest.approx(full.cgr["16"][ratio].mid)
            last = full.controls["last_tokens"].cgr["16"][ratio].mid
            assert quick[f"{setting.name}/{ratio}/last"] == pytest.approx(last)


def test_progress_ends_at_the_announced_number(base, gistnet, passages):
    done = []
    measure_gists(base, gistnet, passages, range(10), on_pass=lambda: done.append(1))
    assert len(done) == passes(base, gistnet, passages)


def test_one_window_is_too_few(base, gistnet, windows, layout):
    with pytest.raises(ModelError, match="two windows"):
        measure_gists(base, gistnet, sample_passages(windows, 1, 0, layout), [0])


def made_up(**nll: float):
    """Arms whose loss at every target is known."""
    return {Arm(kind): np.full((4, 32), value, np.float32) for kind, value in nll.items()}


def test_cgr_and_delta_nll_are_what_they_say():
    compared = Comparison(made_up(full=2.0, none=4.0, gist=2.5, mixed=3.0), Bootstrap(range(4)))
    assert compared.cgr(Arm("gist"), 16) == pytest.approx((0.75, 0.75, 0.75))
    assert compared.delta_nll(Arm("gist"), 16) == pytest.approx((0.25, 0.25, 0.25))
    assert compared.gain(Arm("gist"), Arm("mixed"), 16).mid == pytest.approx(0.25)
    assert compared.cgr(FULL, 16).mid == 1
    assert compared.cgr(NONE, 16).mid == 0


def test_a_horizon_counts_its_own_targets_only():
    losses = made_up(full=2.0, none=4.0)
    losses[Arm("gist")] = np.where(np.arange(32) < 16, 2.0, 4.0)[None].repeat(4, 0)
    compared = Comparison(losses, Bootstrap(range(4)))
    assert compared.cgr(Arm("gist"), 16).mid == 1
    assert compared.cgr(Arm("gist"), 32).mid == 0.5


def test_figures_become_plain_data(figures):
    plain = asdict(figures)
    assert list(plain["settings"]["behind_tail"]["cgr"]["16"]["4x"]) == list(
        figures.settings["behind_tail"].cgr["16"]["4x"]
    )


def test_fitted_slots_recover_what_they_are_fitted_to_and_leave_the_base_alone(
    base, gistnet, windows, layout
):
    before = full_digest(base)
    done = []
    few = sample_passages(windows, 3, 0, layout)
    ceiling = Ceiling(base, gistnet, few, range(3), steps=25)
    found = ceiling.fit(BEHIND_TAIL, 8, lambda: done.append(1))
    worst = 1 - found.start_fitted.mid
    assert abs(1 - found.fitted.mid) < 0.5 * abs(worst)
    assert found.between != found.start_between
    assert len(done) == ceiling.passes
    assert full_digest(base) == before
    assert all(parameter.grad is None for parameter in base.parameters())


def test_fits_of_passages_do_not_touch_each_other(base, gistnet, windows, layout):
    """Two copies of one passage end where the passage alone ends."""
    one = sample_passages(windows, 1, 0, layout)
    both = replace(
        one,
        **{
            name: np.repeat(getattr(one, name), 2, axis=0)
            for name in ("windows", "starts", "prefix", "replaced", "after")
        },
    )
    alone = Ceiling(base, gistnet, one, [0], steps=5).fit(BEHIND_TAIL, 2)
    twice = Ceiling(base, gistnet, both, [0, 1], steps=5).fit(BEHIND_TAIL, 2)
    assert twice.fitted.mid == pytest.approx(alone.fitted.mid, abs=1e-3)
