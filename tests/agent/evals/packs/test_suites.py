"""Whole runs over a tiny framework: what is mounted, what is found, what is completed, within which budget."""

import json
from datetime import date
from pathlib import Path

import pytest

from megacontext.agent.evals.packs.call_suite import CallSuite
from megacontext.agent.evals.packs.calls import CallFinder
from megacontext.agent.evals.packs.question_suite import QuestionSuite
from megacontext.agent.evals.running.run_folder import RunFolder
from megacontext.agent.evals.running.runner import run_suite
from tests.agent.evals.packs.conftest import FERRY

DAY = date(2026, 1, 31)
SUITES = {"questions": QuestionSuite, "calls": CallSuite}


def run(suite, out: Path):
    with RunFolder.of(out, suite.name, suite.identity, "again", day=DAY) as folder:
        return run_suite(suite, folder, lambda *_: None)


@pytest.mark.parametrize("kind", SUITES)
def test_every_arm_has_a_record_of_every_task(open_bench, tmp_path, kind):
    suite = SUITES[kind](open_bench(kind))
    results = run(suite, tmp_path / "out")
    assert len(suite.tasks) >= 3
    assert len(results.samples) == len(suite.tasks) * len(suite.arms)
    assert {figure.arm for figure in results.figures} == set(suite.arms)
    sections = suite.sections(results.samples)
    assert all(section.heading and section.text for section in sections)
    assert "pack@400" in sections[0].text
    json.dumps([dict(sample.record) for sample in results.samples])


@pytest.mark.parametrize("kind", SUITES)
def test_a_task_is_judged_alike_whenever_it_is_asked(open_bench, kind):
    suite = SUITES[kind](open_bench(kind))
    arm = next(arm for arm in suite.arms if arm.startswith("pack@"))
    together = suite.sample(arm, suite.tasks)
    again = [suite.sample(arm, [task])[0] for task in reversed(suite.tasks)]
    for one, other in zip(together, reversed(again), strict=True):
        assert _still(one) == _still(other)


def test_definitions_are_found_with_the_pack_alone(open_bench):
    suite = QuestionSuite(open_bench("questions"))
    question = next(each for each in suite.tasks if each.symbol == "Mooring.tighten")
    found = {arm: suite.sample(arm, [question])[0] for arm in suite.arms}
    assert found["pack@2000"]["recall@5"] is True
    assert found["pack@2000"]["packed"] is True
    assert found["bm25@2000"]["rank"] is not None
    for budget in (400, 2000):
        assert found[f"without@{budget}"]["rank"] is None
        assert found[f"without@{budget}"]["packed"] is False


def test_a_pack_for_questions_does_not_hold_what_is_asked(open_bench):
    bench = open_bench("questions")
    [pack] = bench.stands["ferry"].packs
    texts = " ".join(pack.read(record.path).decode() for record in pack.catalogue.files())
    assert bench.questions
    for question in bench.questions:
        assert question.description not in " ".join(texts.split())


def test_a_pack_for_calls_is_whole_though_one_without_docstrings_was_mounted_before(open_bench):
    open_bench("questions")
    [pack] = open_bench("calls").stands["ferry"].packs
    assert b"until the bollard holds" in pack.read("harbour/quay.py")


def test_a_call_is_to_what_the_pack_defines_and_the_repository_does_not(open_bench):
    tasks = CallSuite(open_bench("calls")).tasks
    calls = [call for call in tasks if call.spot.path == "ferry/night.py"]
    assert {call.spot.name for call in calls} == {"Mooring", "tighten", "announced_berth"}
    for call in calls:
        spot = call.spot
        assert (spot.path, spot.homes) == ("ferry/night.py", ("harbour@1.0/harbour/quay.py",))
        assert FERRY.startswith(f"{spot.before}{spot.rest}\n")
        if call.place == "callee":
            assert spot.rest.lstrip().startswith(f"{spot.name}(")
        else:
            assert spot.before.endswith(f"{spot.name}(")


def test_calls_are_found_whatever_ends_a_line_and_none_in_a_broken_file(open_bench):
    tasks = CallSuite(open_bench("calls")).tasks
    [odd] = [call for call in tasks if call.spot.path != "ferry/night.py"]
    assert (odd.spot.path, odd.spot.rest, odd.place) == ("ferry/odd.py", "terse(ship)", "callee")


def test_a_name_that_the_prompt_holds_anyway_is_not_wanted(open_bench):
    stand = open_bench("calls").stands["ferry"]
    calls = CallFinder(stand.repository, stand.packs, 600, 40, 1).find(9, 9)
    places = {call.spot.name: call.place for call in calls}
    assert places["Mooring"] == "arguments", "its import stands in the text before every cursor"


def test_a_completion_reads_the_pack_within_the_budget(open_bench):
    suite = CallSuite(open_bench("calls"))
    call = next(call for call in suite.tasks if call.place == "arguments")
    found = {arm: suite.sample(arm, [call])[0] for arm in suite.arms}
    for arm, record in found.items():
        assert record["positions"] <= int(arm.partition("@")[2] or 0)
    assert found["pack@400"]["packed"] is True
    assert found["bm25@400"]["packed"] is True
    assert found["without@400"]["packed"] is False


def _still(record):
    return {key: value for key, value in record.items() if not key.endswith("ms")}
