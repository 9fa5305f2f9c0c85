from datetime import date

import pytest

from megacontext.agent.evals.gist_report import verdicts
from megacontext.agent.evals.reports import (
    Report,
    blank_figure,
    machine,
    percent,
    plain,
    report_stem,
    table,
    write_report,
)
from megacontext.models.evaluation.bootstrap import Interval
from megacontext.models.evaluation.gist_figures import (
    ControlFigures,
    GistFigures,
    SettingFigures,
)
from megacontext.models.evaluation.passages import LAYOUT


def row(**mids: float) -> dict[str, dict[str, Interval]]:
    """Intervals of ±0.02 at 64 targets, by ratio: `x4` is "4x"."""
    return {
        "64": {f"{name[1:]}x": Interval(mid - 0.02, mid, mid + 0.02) for name, mid in mids.items()}
    }


def figures(gist: float, last: float, delta: float) -> GistFigures:
    other = ControlFigures(row(x8=last), row(x8=delta), row(x8=gist - last))
    found = SettingFigures(
        cgr=row(x8=gist),
        delta_nll=row(x8=delta),
        controls={"last_tokens": other, "mean_pooled": other},
        slots=row(x8=gist),
        nll=row(x8=1.0),
        none_delta_nll={},
        all_verbatim=0.0,
    )
    return GistFigures({"behind_tail": found}, LAYOUT, 10, 10)


def met(found: GistFigures) -> dict[str, bool]:
    return {each.measure: each.met for each in verdicts(found)}


@pytest.mark.parametrize(("gist", "reached"), [(0.76, True), (0.75, True), (0.74, False)])
def test_a_bar_of_cgr_is_met_at_its_height(gist, reached):
    assert met(figures(gist, 0.1, 0.1))["CGR"] is reached


@pytest.mark.parametrize(("delta", "reached"), [(0.04, True), (0.06, False)])
def test_a_bar_of_delta_nll_is_met_below_it(delta, reached):
    assert met(figures(0.5, 0.1, delta))["ΔNLL"] is reached


@pytest.mark.parametrize(("last", "apart"), [(0.45, True), (0.47, False), (0.6, False)])
def test_a_control_is_beaten_when_intervals_are_apart(last, apart):
    assert met(figures(0.5, last, 0.1))["CGR − that of last tokens"] is apart


def test_a_report_is_written_whole_and_again(tmp_path):
    figure = blank_figure(2)
    assert len(figure.axes) == 2
    stem = report_stem("lens", date(2026, 1, 31), "native")
    for text in ("# One\n", "# Two\n"):
        report = Report(stem, text, {"regret": Interval(0.1, 0.2, float("nan"))}, {"a": figure})
        page = write_report(tmp_path / "deep" / "er", report)
        assert page.name == "lens_2026-01-31_native.md"
        assert page.read_text("utf-8") == text
    assert page.with_suffix(".json").read_text("utf-8").split() == [
        *("{", '"regret":', "[", "0.1,", "0.2,", "null", "]", "}")
    ]
    assert (page.parent / "lens_2026-01-31_native_a.png").stat().st_size > 1000


def test_figures_become_plain_json():
    data = {1: (Interval(0.0, 1.0, float("inf")), "x", None, True)}
    assert plain(data) == {"1": [[0.0, 1.0, None], "x", None, True]}


def test_tables_and_percents_read_as_such():
    assert percent(Interval(-0.0123, 0.1, 1.0)) == "10.0 [-1.2, 100.0]"
    assert table(["a", "b"], [["x|y", "1"]]).splitlines() == [
        "| a | b |",
        "| --- | ---: |",
        "| x\\|y | 1 |",
    ]


def test_a_machine_says_what_it_is():
    found = machine()
    assert found["processor"]
    assert found["memory_gb"] > 0
