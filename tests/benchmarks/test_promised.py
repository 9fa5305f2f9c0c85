"""The table of every bar: what is missing is never met, and each figure is looked for in the right place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from megacontext.agent.evals.running.figures import Figure as Measured
from tests.benchmarks.bars import Bar
from tests.benchmarks.keeping import KEPT, read
from tests.benchmarks.promised import benchmarked, evaluated, learned
from tests.benchmarks.promised.every import PROMISES, rows
from tests.benchmarks.promised.kept import Kept, read_kept
from tests.benchmarks.promised.page import section
from tests.benchmarks.promised.promise import Figure, Promise, Row, counts, row_of

ENCODER = "e" * 32


def row(kept: Kept, name: str) -> Row:
    return next(each for each in rows(kept) if each.bar.name == name)


def result(name: str, *bars: Bar) -> dict[str, Any]:
    return {"name": name, "bars": [bar.as_json() for bar in bars]}


# What is missing


def test_without_any_figure_no_bar_is_met_and_none_is_left_out() -> None:
    found = rows(Kept())
    assert {each.bar.verdict for each in found} == {"not measured"}
    assert {each.bar.name for each in found} >= {promise.name for promise in PROMISES}


def test_the_page_counts_what_is_missing() -> None:
    page = section(rows(Kept()))
    assert "0 met, 0 missed" in page
    assert page.count("**not measured**") == len(rows(Kept()))


def test_a_row_that_could_not_be_measured_is_not_met() -> None:
    bar = Bar("hover, p50", None, "ms", at_most=20, note="no editor")
    kept = Kept(results={"lsp": result("lsp", bar)})
    assert row(kept, "hover, p50").bar.verdict == "not measured"


# Benchmarks


@pytest.mark.parametrize(("measured", "verdict"), [(20.0, "met"), (20.5, "missed")])
def test_a_figure_is_held_to_what_was_promised_not_to_its_own_limit(
    measured: float, verdict: str
) -> None:
    generous = Bar("hover, p50", measured, "ms", at_most=1000)
    found = row(Kept(results={"lsp": result("lsp", generous)}), "hover, p50")
    assert found.bar.verdict == verdict
    assert found.again == "python -m tests.benchmarks lsp"


def test_a_benchmarks_own_bar_that_nobody_listed_is_listed() -> None:
    kept = Kept(results={"lsp": result("lsp", Bar("new", 3, at_most=2), Bar("told", 1.0))})
    found = row(kept, "new")
    assert (found.area, found.bar.verdict) == ("editors", "missed")
    assert "told" not in {each.bar.name for each in rows(kept)}


def test_every_kept_benchmark_has_the_rows_that_were_promised_of_it() -> None:
    kept = Kept(results={each["name"]: each for run in read([KEPT]) for each in run["results"]})
    limits = (
        *benchmarked.MEMORY,
        *benchmarked.MEMORY_LEAST,
        *benchmarked.AGENT,
        *benchmarked.EDITORS,
    )
    lost = [
        (benchmark, name)
        for benchmark, name, _, _ in limits
        if benchmark in kept.results and kept.bar(benchmark, name) is None
    ]
    assert not lost


# The soak


def test_a_part_of_the_soak_that_was_not_run_is_a_row_and_the_others_show_their_bars(
    tmp_path: Path,
) -> None:
    run = {"results": [result("kill", Bar("points", 1000, at_least=1000), Bar("a point", 3.0))]}
    (tmp_path / "soak_2026-01-01.json").write_text(json.dumps(run))
    kept = read_kept([], tmp_path, [], ENCODER)
    verdicts = {each.bar.name: each.bar.verdict for each in benchmarked.soak_rows(kept)}
    assert verdicts["points"] == "met"
    assert verdicts["an hour of edits"] == "not measured"
    assert "a point" not in verdicts


# Reports on models


def gist_report(**changes: Any) -> dict[str, Any]:
    ratios = dict.fromkeys(learned.WANTED, (0.85, 0.9, 0.95))
    by_horizon = {learned.HORIZON: ratios}
    setting = {
        "cgr": by_horizon,
        "delta_nll": by_horizon,
        "all_verbatim": 0.0,
        "controls": {name: {"gist_minus": by_horizon} for name in learned.CONTROLS},
    }
    settings = dict.fromkeys(learned.SETTINGS, setting)
    report = {"date": "2026-01-01", "encoder_id": ENCODER, "settings": settings, "recall": None}
    return report | changes


def test_a_report_gives_its_figures_in_percent(tmp_path: Path) -> None:
    (tmp_path / "gist_2026-01-01.json").write_text(json.dumps(gist_report()))
    kept = read_kept([], tmp_path, [], ENCODER)
    assert row(kept, "CGR@64 at 4×, behind a tail").bar.measured == pytest.approx(90)
    assert row(kept, "CGR@64 at 4×, behind a tail").bar.verdict == "met"
    assert row(kept, "ΔNLL@64 at 8×, behind a tail").bar.verdict == "missed"
    assert row(kept, "recall@5 of the file a cursor needs, from L2").bar.verdict == "not measured"


def test_a_report_on_other_gists_than_those_that_ship_meets_nothing(tmp_path: Path) -> None:
    (tmp_path / "gist_2026-01-01.json").write_text(json.dumps(gist_report(encoder_id="other")))
    assert read_kept([], tmp_path, [], ENCODER).gist is None


def test_the_newest_report_counts(tmp_path: Path) -> None:
    for day in ("2026-01-03", "2026-01-10", "2026-01-02"):
        (tmp_path / f"gist_{day}.json").write_text(json.dumps(gist_report(date=day)))
    kept = read_kept([], tmp_path, [], ENCODER)
    assert kept.gist is not None
    assert kept.gist["date"] == "2026-01-10"


@pytest.mark.parametrize(
    ("regret", "verdict"), [([0.1, 0.2, 0.3], "met"), ([0.1, 0.2, 0.5], "missed")]
)
def test_lensnet_is_better_where_its_whole_interval_is(regret: list[float], verdict: str) -> None:
    baselines = {
        "bm25": {"regret": [0.4, 0.5, 0.6]},
        "random": {"regret": [0.9, 0.95, 1.0]},
    }
    kept = Kept(lens={"regret": regret, "baselines": baselines})
    name = "LensNet: regret below that of the best baseline, between the intervals"
    assert row(kept, name).bar.verdict == verdict
    assert row(kept, name).bar.note == "best is bm25"


# Evals


def kept_run(
    folder: Path, suite: str, figures: list[Measured], *, model: str, started: str
) -> None:
    folder.mkdir(parents=True)
    about = {
        "suite": suite,
        "model": {"name": model},
        "starts": [{"started": started, "seconds": 45.0}],
    }
    (folder / "run.json").write_text(json.dumps(about))
    kept = {"figures": [figure.as_json() for figure in figures]}
    (folder / "figures.json").write_text(json.dumps(kept))


def measured(name: str, arm: str, value: float, tasks: int = 20) -> Measured:
    ids = [f"t{number}" for number in range(tasks)]
    return Measured(name, arm, dict.fromkeys(ids, value), {task: task for task in ids})


def test_the_best_codec_is_compared_at_the_same_budget(tmp_path: Path) -> None:
    figures = [
        measured("identifier F1", "text@256", 0.30),
        measured("identifier F1", "gist@256", 0.40),
        measured("identifier F1", "bm25@256", 0.32),
        measured("identifier F1", "text@512", 0.90),
    ]
    kept_run(tmp_path / "a", "repository-lines", figures, model="pocket", started="2026-01-01")
    kept = read_kept([], tmp_path, [tmp_path], ENCODER)
    found = row(kept, "lines at 256 positions, best codec above BM25")
    assert found.bar.measured == pytest.approx(8)
    assert found.bar.verdict == "met"
    assert "gist@256 against bm25@256" in found.bar.note
    outline = row(kept, "lines at 256 positions, best codec above the outline map")
    assert outline.bar.verdict == "not measured"


def test_runs_of_another_model_do_not_count(tmp_path: Path) -> None:
    figures = [measured("recall@5", "text", 1.0)]
    kept_run(tmp_path / "a", "repository-needles", figures, model="big", started="2026-01-01")
    kept = read_kept([], tmp_path, [tmp_path], ENCODER)
    assert row(kept, "needles, recall@5").bar.verdict == "not measured"


@pytest.mark.parametrize(("problems", "verdict"), [(164, "met"), (20, "not measured")])
def test_canonical_solutions_count_when_all_of_them_ran(
    tmp_path: Path, problems: int, verdict: str
) -> None:
    figures = [measured("pass@1", "complete", 1.0, problems)]
    kept_run(tmp_path / "a", "humaneval", figures, model="canonical", started="2026-01-01")
    kept = read_kept([], tmp_path, [tmp_path], ENCODER)
    assert row(kept, "HumanEval, canonical solutions that pass").bar.verdict == verdict
    assert row(kept, "164 programs of HumanEval, run").bar.verdict == verdict


@pytest.mark.parametrize(("memory", "verdict"), [(0.5, "met"), (0.6, "met"), (0.1, "missed")])
def test_memory_does_harm_where_it_is_worse_beyond_doubt(
    tmp_path: Path, memory: float, verdict: str
) -> None:
    figures = [measured("pass@1", "without-memory", 0.5), measured("pass@1", "with-memory", memory)]
    kept_run(tmp_path / "a", "humaneval", figures, model="pocket", started="2026-01-01")
    kept = read_kept([], tmp_path, [tmp_path], ENCODER)
    assert row(kept, "HumanEval with memory below without, beyond doubt").bar.verdict == verdict


def test_a_run_that_was_stopped_has_no_figures_and_does_not_count(tmp_path: Path) -> None:
    kept_run(tmp_path / "a", "humaneval", [], model="pocket", started="2026-01-01")
    (tmp_path / "a" / "figures.json").unlink()
    assert read_kept([], tmp_path, [tmp_path], ENCODER).runs == ()


# A row


@pytest.mark.parametrize("source", [lambda kept: None, lambda kept: Figure(3.0, "why")])
def test_a_row_keeps_what_was_promised(source: Callable[[Kept], Figure | None]) -> None:
    promise = Promise("proof", "a", source, "again", "ms", at_most=5)
    found = row_of(promise, Kept())
    assert (found.bar.at_most, found.bar.unit, found.again) == (5, "ms", "again")


def test_counts_tell_every_verdict() -> None:
    bars = [Bar("a", 1, at_most=1), Bar("b", 2, at_most=1), Bar("c", None, at_most=1)]
    found = [Row("proof", bar, "") for bar in bars]
    assert counts(found) == "3 bars: 1 met, 1 missed, 1 not measured"


def test_the_evals_that_are_compared_are_the_budgets_that_ship() -> None:
    shipped = (evaluated.SMALL, evaluated.BUDGET, evaluated.SMALL * evaluated.TIMES)
    text = (Path(__file__).parents[2] / "configs" / "eval" / "repository.yaml").read_text()
    assert f"budgets: [{', '.join(map(str, shipped))}]" in text
