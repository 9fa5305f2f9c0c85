"""Benchmarks from end to end: who writes, what runs, and what is counted."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from megacontext.agent.commands.evaluate import app
from megacontext.agent.evals.code.expecting import expected
from megacontext.agent.evals.code.judging import Judge
from megacontext.agent.evals.code.problems import read_problems
from megacontext.agent.evals.code.sandbox.calling import Program
from megacontext.agent.evals.code.sandbox.cell import Bounds
from megacontext.agent.evals.code.settings import CodeSettings, DataSettings
from megacontext.agent.evals.code.suite import CodeSuite
from megacontext.agent.evals.code.writing import TOO_LONG, Asked, Canonical, Given, check_arm
from megacontext.agent.evals.running.run_folder import RunFolder, read_run
from megacontext.agent.evals.running.runner import run_suite
from megacontext.agent.evals.running.suite import Identity
from megacontext.configs.errors import MegaContextError, ModelError, SettingsError
from megacontext.models.language.scripted import ScriptedModel

from .test_sandbox import BEST

DATA = Path(__file__).parent / "data"
BENCHMARKS = {"humaneval": "HumanEval", "humaneval_plus": "HumanEvalPlus", "mbpp_plus": "MbppPlus"}
runs_programs = pytest.mark.skipif(BEST is None, reason="this machine cannot shut programs in")


def settings(**given):
    return CodeSettings(name="human", data=DataSettings(folder="x", file="y", hub="z"), **given)


def problems(name="HumanEval"):
    return read_problems(DATA / f"{name}.jsonl").problems


@pytest.fixture
def suite_of(tmp_path):
    def make(writer, tasks, arms=("complete",), **given):
        judge = Judge(BEST, Bounds(call_s=5), 2, tmp_path / "expected")
        kept = settings(**given)
        return CodeSuite(kept, Identity(kept.model_dump(), {}, {}), tasks, arms, writer, judge)

    return make


def invoke(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


@runs_programs
@pytest.mark.parametrize("name", BENCHMARKS)
def test_canonical_solutions_pass_and_are_kept_with_all_that_made_them(tmp_path, name):
    told = invoke(
        *(name, "--samples", "canonical", "--data", DATA / f"{BENCHMARKS[name]}.jsonl"),
        *("--out", tmp_path / "runs", "--json"),
    )
    assert told.exit_code == 0, told.output
    data = json.loads(told.stdout)
    assert [each["interval"] for each in data["figures"]] == [[1, 1, 1]] * len(data["figures"])
    names = ["pass@1"] if name == "humaneval" else ["pass@1", "pass@1, base tests"]
    assert [each["name"] for each in data["figures"]] == names
    run = read_run(Path(data["run"]))
    assert run.about["model"] == {"name": "canonical"}
    assert "protection" in run.about["settings"]
    page = (run.folder / "report.md").read_text("utf-8")
    assert "Protection: " in page
    assert "100.0 [100.0, 100.0] %" in page


@runs_programs
@pytest.mark.parametrize("name", BENCHMARKS)
def test_wrong_completions_score_nothing_and_are_explained(tmp_path, name):
    file = DATA / f"{BENCHMARKS[name]}.jsonl"
    body = "\n    return 'wrong'\n"
    rows = [
        {"task_id": each.id, "solution": f"def {each.entry}(*given):{body}"}
        for each in read_problems(file).problems
    ]
    (tmp_path / "given.jsonl").write_text("\n".join(map(json.dumps, rows)))
    told = invoke(
        *(name, "--samples", tmp_path / "given.jsonl", "--data", file),
        *("--out", tmp_path / "runs", "--json"),
    )
    assert told.exit_code == 0, told.output
    data = json.loads(told.stdout)
    # Of the truth of a value, a wrong text may be right.
    assert [each["interval"][2] < 0.9 for each in data["figures"]]
    assert name == "mbpp_plus" or {each["interval"][1] for each in data["figures"]} == {0}
    assert "| why it failed | programs |" in (Path(data["run"]) / "report.md").read_text("utf-8")


@runs_programs
def test_a_model_completes_stops_where_it_shall_and_is_counted_by_pass_at_k(suite_of, tmp_path):
    replies = iter(["    return number % 1.0\ndef other():\n    pass", "    return 7\n"] * 2)
    model = ScriptedModel(lambda _: next(replies), chat=False)
    given = {"samples": 2, "k": (1, 2), "temperature": 0.5, "stop": ("\ndef ",)}
    tasks = problems()[:1]
    suite = suite_of(Asked(model, settings(**given)), tasks, **given)
    with RunFolder.of(tmp_path, "human", suite.identity, "") as folder:
        results = run_suite(suite, folder, lambda *_: None)
    assert [(each.name, each.interval.mid) for each in results.figures] == [
        ("pass@1", 0.5),
        ("pass@2", 1.0),
    ]
    first, second = results.samples[0].record["completions"]
    assert first == {"text": "    return number % 1.0", "passed": True, "base": True, "why": ""}
    assert not second["passed"]
    assert model.texts == [tasks[0].prompt] * 2


@runs_programs
def test_a_model_that_chats_or_fills_in_is_asked_that_way(suite_of):
    solution = "```python\ndef truncate_number(number):\n    return number % 1.0\n```"
    chats = ScriptedModel(lambda _: solution)
    tasks = problems()[:1]
    (record,) = suite_of(Asked(chats, settings()), tasks, ("chat",)).sample("chat", tasks)
    assert record["completions"][0]["passed"]
    fills = ScriptedModel(lambda _: "    return number % 1.0\nmore")
    (record,) = suite_of(Asked(fills, settings()), tasks).sample("infill-line", tasks)
    assert record["completions"][0]["text"] == "    return number % 1.0"
    assert record["completions"][0]["passed"]


@runs_programs
@pytest.mark.parametrize("arm", ["infill-line", "infill-lines", "infill-span"])
def test_what_stood_in_a_gap_passes(suite_of, arm):
    given = {"samples": 3, "temperature": 0.5}
    tasks = problems()
    suite = suite_of(Canonical(settings(**given)), tasks, (arm,), **given)
    for record in suite.sample(arm, tasks):
        assert all(each["passed"] for each in record["completions"])


def test_samples_have_seeds_of_their_own_that_do_not_depend_on_the_order():
    class Recording(ScriptedModel):
        def generate(self, prompt, sampling=None, cancel=None):
            seeds.append((prompt, sampling.seed))
            return super().generate(prompt, sampling, cancel)

    def asked(tasks):
        seeds.clear()
        writer = Asked(Recording(lambda _: "x"), settings(samples=2, temperature=0.5))
        writer.write("complete", tasks)
        return sorted(seeds)

    seeds: list = []
    forwards = asked(problems())
    assert asked(problems()[::-1]) == forwards
    assert len({seed for _, seed in forwards}) == 4


def test_a_prompt_that_does_not_fit_is_a_failure_with_its_reason():
    writer = Asked(ScriptedModel(lambda _: "x", context_length=10), settings())
    ((written,),) = writer.write("complete", problems()[:1])
    assert (written.text, written.note) == ("", TOO_LONG)


@pytest.mark.parametrize(
    ("arm", "why"), [("infill-line", "fim: false"), ("chat", "has no chat template")]
)
def test_a_model_that_cannot_is_refused_with_the_reason(arm, why):
    with pytest.raises(ModelError, match=why):
        check_arm(ScriptedModel([], chat=False, fim=False), arm)


@runs_programs
@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--arm", "infill-line"), "pocket does not fill in the middle"),
        (("--arm", "chat"), "pocket does not chat"),
        (("--arm", "what"), "arms.0: Input should be 'auto'"),
        (("--count", "2"), "at temperature 0 all samples are the same"),
        (("--k", "2"), "pass@2 needs 2 samples"),
        (("--samples", "no-such-file"), "no-such-file cannot be read"),
        (("--data", "nowhere"), "there is no nowhere; give the folder of HumanEval.jsonl.gz"),
    ],
)
def test_misuse_is_told_with_the_mend(tmp_path, options, why):
    told = invoke("humaneval", "--data", DATA / "HumanEval.jsonl", "--out", tmp_path, *options)
    assert isinstance(told.exception, MegaContextError)
    assert why in str(told.exception)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "line 1"),
        ("[]", "line 1"),
        ('{"task_id": "HumanEval/2"}', "needs task_id, and completion or solution"),
        ('{"task_id": "HumanEval/2", "completion": 3}', "needs task_id"),
        ('{"completion": "x"}', "needs task_id"),
    ],
)
def test_a_file_that_holds_no_completions_is_refused(tmp_path, line, why):
    (tmp_path / "given.jsonl").write_text(line + "\n")
    with pytest.raises(SettingsError, match=why):
        Given.read(tmp_path / "given.jsonl")


def test_given_completions_must_be_there_for_each_problem(tmp_path):
    (tmp_path / "given.jsonl").write_text('{"task_id": "HumanEval/2", "completion": "x"}\n')
    with pytest.raises(SettingsError, match="none of HumanEval/38"):
        Given.read(tmp_path / "given.jsonl").write("complete", problems())


@runs_programs
def test_what_the_canonical_solution_answers_is_asked_once(tmp_path):
    problem = problems("MbppPlus")[0]
    found = expected(BEST, problem, Bounds(), tmp_path)
    (file,) = tmp_path.iterdir()
    kept = file.read_bytes()
    assert expected(BEST, problem, Bounds(), tmp_path) == found
    file.write_bytes(kept[:50])
    assert expected(BEST, problem, Bounds(), tmp_path) == found
    assert file.read_bytes() == kept


@runs_programs
def test_calls_that_end_the_canonical_solution_are_asked_of_nobody(tmp_path):
    problem = replace(
        problems("MbppPlus")[0],
        prompt="import os\n",
        entry="f",
        solution="def f(x):\n    return os._exit(3) if x == 2 else 6 // x\n",
        calls=((1,), (2,), (0,), (3,)),
        base_calls=3,
    )
    found = expected(BEST, problem, Bounds(), tmp_path)
    assert (found.calls, found.values, found.base) == (((1,), (3,)), (6, 2), 1)
    judge = Judge(BEST, Bounds(), 2, tmp_path)
    right, base = (
        judge.judge([(problem, Program(f"f = {{1: 6, 3: {three}}}.get", "f"))])[0]
        for three in (2, 3)
    )
    assert (right.passed, right.base) == (True, True)
    assert (base.passed, base.base) == (False, True)
    assert base.why == "3 instead of 2 from f(3,)"
