"""Whole runs on a tiny package: records, figures, pages, and going on where one was stopped."""

import json
from datetime import date
from pathlib import Path

import pytest

from megacontext.agent.evals.repository.suites import suite_of
from megacontext.agent.evals.running.run_folder import RunFolder
from megacontext.agent.evals.running.runner import run_suite

DAY = date(2026, 1, 31)


def run(suite, out: Path):
    with RunFolder.of(out, suite.name, suite.identity, "again", day=DAY) as folder:
        return run_suite(suite, folder, lambda *_: None)


@pytest.mark.parametrize("kind", ["lines", "edits", "needles"])
def test_every_arm_has_a_record_of_every_task(bench, tmp_path, kind):
    suite = suite_of(kind, bench)
    results = run(suite, tmp_path)
    assert suite.tasks
    assert len(results.samples) == len(suite.tasks) * len(suite.arms)
    assert {figure.arm for figure in results.figures} == set(suite.arms)
    for figure in results.figures:
        assert set(figure.groups.values()) == {"plot"}
    sections = suite.sections(results.samples)
    assert all(section.heading and section.text for section in sections)
    json.dumps([dict(sample.record) for sample in results.samples])


def test_a_line_is_judged_alike_whenever_it_is_asked(bench):
    suite = suite_of("lines", bench)
    arm, tasks = suite.arms[-1], suite.tasks
    together = suite.sample(arm, tasks)
    alone = [suite_of("lines", bench).sample(arm, [task])[0] for task in reversed(tasks)]
    for one, other in zip(together, reversed(alone), strict=True):
        assert _still(one) == _still(other)


def test_positions_of_memory_are_within_the_budget(bench):
    suite = suite_of("lines", bench)
    for arm in suite.arms:
        for record in suite.sample(arm, suite.tasks[:1]):
            budget = arm.partition("@")[2]
            assert record["positions"] <= int(budget) if budget else True
            if arm == "none":
                assert record["positions"] == 0


def test_memory_is_fresh_right_after_an_edit(bench):
    suite = suite_of("edits", bench)
    told = [suite.sample("full", [task])[0] for task in suite.tasks]
    assert all(record["shown"] for record in told), (
        "the ceiling holds the definition that was edited"
    )
    bare = suite.sample("none", suite.tasks)
    assert all(record["saved"] == 0 and not record["shown"] for record in bare)


def test_nothing_of_an_edit_stays(bench, repository):
    before = {path: repository.text(path) for path in repository.files}
    root = repository.memory.root_key
    suite = suite_of("edits", bench)
    suite.sample("none", suite.tasks)
    assert {path: repository.text(path) for path in repository.files} == before
    assert repository.memory.root_key == root


def test_a_needle_of_its_own_words_is_found(bench):
    suite = suite_of("needles", bench)
    rows = [task for task in suite.tasks if task.symbol == "planned_bed"]
    for arm in ("bm25", "text"):
        for record in suite.sample(arm, rows):
            assert record["recall@5"]


def test_the_map_finds_its_way_when_files_were_edited_and_mended_again(bench):
    suite = suite_of("needles", bench)
    for _ in range(2):
        for record in suite.sample("outline", suite.tasks):
            assert record["rank"] is not None


def _still(record):
    return {key: value for key, value in record.items() if not key.endswith("_ms")}
