"""Verdicts and ratios, also of what was not measured."""

import json
import math

import pytest

from tests.benchmarks.bars import Bar, amount


@pytest.mark.parametrize(
    ("bar", "verdict", "ratio"),
    [
        (Bar("a", 20.0, "ms", at_most=20), "met", 1.0),
        (Bar("a", 20.1, "ms", at_most=20), "missed", pytest.approx(1.005)),
        (Bar("a", 0, at_most=0), "met", 1.0),
        (Bar("a", 1, at_most=0), "missed", 2.0),
        (Bar("a", 100.0, at_least=100), "met", 1.0),
        (Bar("a", 99.9, at_least=100), "missed", pytest.approx(100 / 99.9)),
        (Bar("a", -3.0, "points", at_least=5), "missed", math.inf),
        (Bar("a", -0.1, "points", at_least=0), "missed", None),
        (Bar("a", 0.0, "points", at_least=0), "met", None),
        (Bar("a", 7.0), "reported", None),
        (Bar("a", None, at_most=20), "not measured", None),
        (Bar("a", None, at_least=0), "not measured", None),
        (Bar("a", None), "not measured", None),
    ],
)
def test_verdict_and_ratio(bar: Bar, verdict: str, ratio: float | None) -> None:
    assert (bar.verdict, bar.ratio) == (verdict, ratio)


def test_a_bar_comes_back_as_it_was_kept() -> None:
    bar = Bar("index", 59.0, "s", note="over 2", of="ours", at=1e6)
    assert Bar.from_json(json.loads(json.dumps(bar.as_json()))) == bar


def test_a_bar_that_an_earlier_version_kept_is_read() -> None:
    old = {"name": "a", "measured": 1.0, "unit": "s", "at_most": 2, "at_least": None, "note": ""}
    assert Bar.from_json(old) == Bar("a", 1.0, "s", at_most=2)


def test_what_was_not_measured_is_shown_as_a_dash() -> None:
    assert amount(None, "ms") == "–"
