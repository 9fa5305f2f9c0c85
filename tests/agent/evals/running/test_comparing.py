"""Two runs are compared task by task, or not at all."""

import json

import pytest
from typer.testing import CliRunner

from megacontext.agent.commands.evaluate import app
from megacontext.agent.evals.reports import write_report
from megacontext.agent.evals.running.comparing import compare_runs
from megacontext.agent.evals.running.figures import Figure, difference
from megacontext.agent.evals.running.page import report
from megacontext.agent.evals.running.run_folder import read_run
from megacontext.configs.errors import SettingsError

from .counting import Counting
from .test_runner import run


def runs(tmp_path, left, right):
    return tuple(
        read_run(run(suite, tmp_path / side)[0])
        for side, suite in (("left", left), ("right", right))
    )


def figure(values, **given):
    return Figure("share", "plain", values, {task: task for task in values}, **given)


def test_a_run_does_not_differ_from_itself(tmp_path):
    found = compare_runs(*runs(tmp_path, Counting(), Counting()))
    assert [tuple(each.interval) for each in found.differences] == [(0, 0, 0)] * 2
    assert {each.verdict for each in found.differences} == {"no difference"}
    assert not found.conditions


def test_only_tasks_that_both_have_count(tmp_path):
    found = compare_runs(*runs(tmp_path, Counting(count=4), Counting(count=10)))
    assert {each.tasks for each in found.differences} == {4}


def test_what_else_differs_is_said(tmp_path):
    found = compare_runs(*runs(tmp_path, Counting(), Counting(seed=3)))
    assert found.conditions == ("settings.seed: 0 against 3",)


def test_one_arm_is_compared_with_one_of_another_name(tmp_path):
    found = compare_runs(*runs(tmp_path, Counting(arms=("raised",)), Counting(arms=("plain",))))
    (only,) = found.differences
    assert (only.left, only.right, only.verdict) == ("raised", "plain", "better")
    assert only.interval.mid == pytest.approx(0.25)


class Other(Counting):
    name = "other"


@pytest.mark.parametrize(
    ("right", "why"),
    [
        (Other(), "only runs of one suite"),
        (Counting(data="e"), "different data"),
        (Counting(arms=("x", "y")), "share no arm"),
        (Counting(count=0), "no figure of a common task|share no arm"),
    ],
)
def test_what_is_not_comparable_is_refused_with_the_reason(tmp_path, right, why):
    with pytest.raises(SettingsError, match=why):
        compare_runs(*runs(tmp_path, Counting(), right))


def test_lower_may_be_better():
    slow, quick = figure({"a": 9.0, "b": 8.0}), figure({"a": 1.0, "b": 2.0})
    assert difference(slow, quick).verdict == "better"
    slow, quick = (figure(each.values, higher_is_better=False) for each in (slow, quick))
    assert difference(slow, quick).verdict == "worse"


def test_tasks_of_one_group_are_drawn_together():
    values = {str(at): float(at < 10) for at in range(20)}
    alone = Figure("share", "plain", values, {task: task for task in values})
    grouped = Figure("share", "plain", values, {task: str(values[task]) for task in values})
    assert grouped.interval.high - grouped.interval.low > alone.interval.high - alone.interval.low


def test_the_command_prints_differences(tmp_path):
    left, right = runs(tmp_path, Counting(), Counting(seed=1))
    told = CliRunner().invoke(app, ["compare", str(left.folder), str(right.folder), "--json"])
    data = json.loads(told.stdout)
    assert [each["name"] for each in data["differences"]] == ["share", "share"]
    assert data["not_the_same"] == ["settings.seed: 0 against 1"]
    told = CliRunner().invoke(app, ["compare", str(left.folder), str(right.folder)])
    assert "(10 tasks: " in told.stdout
    assert "not the same: settings.seed: 0 against 1" in told.stdout


def test_the_page_has_figures_differences_plots_and_the_command(tmp_path):
    suite = Counting()
    path, results, _ = run(suite, tmp_path)
    about = read_run(path).about
    page = write_report(path, report(about, results.figures, suite.sections(results.samples)))
    text = page.read_text("utf-8")
    assert "| figure | plain | raised |" in text
    assert "### Against plain" in text
    assert "| better |" in text
    assert "## Numbers\n\n20 of them." in text
    assert "megacontext eval counting" in text
    assert (path / "report_figures.png").read_bytes().startswith(b"\x89PNG")
