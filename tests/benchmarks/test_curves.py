"""Slopes of curves, and the tables and pictures that are made of them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks.bars import Bar
from tests.benchmarks.curves import Curve, curves
from tests.benchmarks.grids import best, curve_table, level_table, side_by_side
from tests.benchmarks.plots import draw

SIZES = (1e5, 1e6, 8e6)


@given(st.floats(-1, 3), st.floats(0.001, 1000))
def test_the_slope_of_a_power_is_its_exponent(exponent: float, factor: float) -> None:
    points = tuple((tokens, factor * tokens**exponent) for tokens in SIZES)
    assert Curve("a", "s", points).slope == pytest.approx(exponent, abs=1e-6)


@pytest.mark.parametrize("points", [(), ((1e5, 2.0),), ((1e5, 0.0), (1e6, 1.0))])
def test_too_few_points_and_zeros_have_no_slope(points: tuple[tuple[float, float], ...]) -> None:
    assert Curve("a", "s", points).slope is None


def test_points_are_ordered_by_size_and_what_is_missing_is_none() -> None:
    bars = [
        Bar("index", 60.0, "s", at=8e6),
        Bar("index", 1.0, "s", at=1e5),
        Bar("index", None, "s", note="stopped", at=1e6),
        Bar("alone", 3.0, "s"),
    ]
    assert curves(bars) == [Curve("index", "s", ((1e5, 1.0), (8e6, 60.0)))]


def test_a_row_has_a_dash_where_a_size_was_not_measured() -> None:
    table = curve_table(
        [Curve("index", "s", ((1e5, 1.0), (1e6, 10.0))), Curve("focus", "ms", ((1e6, 20.0),))]
    )
    assert "| index | 1 s | 10 s | tokens^1.00 |" in table
    assert "| focus | – | 20 ms | – |" in table


def test_levels_stand_by_size() -> None:
    table = level_table([Curve("L0", "bytes a token", ((1e5, 3.9), (1e6, 3.8)))])
    assert table.splitlines()[0] == "| bytes a token | 0.1 M | 1 M |"
    assert "| L0 | 3.90 | 3.80 |" in table


def test_a_picture_has_a_panel_for_each_unit_and_survives_an_empty_curve(tmp_path: Path) -> None:
    found = [
        Curve("index", "s", ((1e5, 1.0), (1e6, 10.0))),
        Curve("focus", "ms", ((1e5, 1.0),)),
        Curve("lost", "ms", ()),
    ]
    draw(found, tmp_path / "images" / "growth.png")
    assert (tmp_path / "images" / "growth.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("unit", "winners"), [("ms", ["quick", "quick too"]), ("%", ["slow"])])
def test_the_best_of_times_is_the_least_and_of_shares_the_largest(
    unit: str, winners: list[str]
) -> None:
    values = {"quick": 1.0, "slow": 9.0, "quick too": 1.0, "absent": None}
    assert best({tool: Bar("a", value, unit, of=tool) for tool, value in values.items()}) == winners


def test_nobody_is_best_at_what_nobody_was_measured_at() -> None:
    assert best({"absent": Bar("a", None, "ms", of="absent")}) == []


def test_tools_stand_side_by_side_and_the_winner_is_named() -> None:
    table = side_by_side(
        [
            Bar("a question", 40.0, "ms", of="ours"),
            Bar("a question", 20.0, "ms", note="over 3", of="theirs"),
            Bar("a question", None, "ms", note="pip failed", of="another"),
        ]
    )
    assert "| a question | 40 ms | **20 ms** over 3 | – pip failed | theirs |" in table
