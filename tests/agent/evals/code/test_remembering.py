"""A repository's memory before problems that have nothing to do with it: the prompts, and what a run tells of them."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from megacontext.agent.commands.evaluate import app
from megacontext.agent.evals.code.problems import read_problems
from megacontext.agent.evals.code.remembering import WITH, WITHOUT, remembering
from megacontext.agent.evals.code.writing import check_arm
from megacontext.agent.evals.running.run_folder import read_run
from megacontext.configs.errors import MegaContextError, ModelError, SettingsError
from megacontext.models.language.scripted import ScriptedModel

from .test_sandbox import BEST

PROBLEMS = Path(__file__).parent / "data" / "HumanEval.jsonl"
BUDGET = 256


@pytest.fixture
def prompts(repository):
    """The text of the prompts of both arms, for a model."""

    def of(model):
        problem = read_problems(PROBLEMS).problems[0]
        with remembering(repository, model, "pocket", BUDGET) as memory:
            for arm in (WITHOUT, WITH, WITHOUT, WITH):
                list(model.generate(memory.prompt(arm, problem)))
        without, with_, *again = model.texts
        assert again == [without, with_]
        return problem, without, with_

    return of


def test_a_completion_differs_in_the_memory_alone(prompts):
    problem, without, with_ = prompts(ScriptedModel(lambda _: "x", chat=False, fim=False))
    assert without.endswith(problem.prompt)
    assert with_.endswith(problem.prompt)
    assert "file_sep|>greeter/" not in without
    assert "file_sep|>greeter/" in with_


def test_a_model_that_chats_is_asked_the_same_question_behind_the_memory(prompts):
    problem, without, with_ = prompts(ScriptedModel(lambda _: "x"))
    assert problem.prompt.strip() in without
    assert problem.prompt.strip() in with_
    assert len(with_) > len(without)


def test_the_arms_need_a_repository():
    model = ScriptedModel([], chat=False)
    with pytest.raises(SettingsError, match="give --memory FOLDER"):
        check_arm(model, WITH)


def test_a_budget_that_leaves_no_room_is_refused(repository):
    model = ScriptedModel([], context_length=100)
    with (
        pytest.raises(ModelError, match="leave no room in the 100"),
        remembering(repository, model, "pocket", 100),
    ):
        pass


@pytest.mark.skipif(BEST is None, reason="this machine cannot shut programs in")
def test_a_run_measures_the_authors_solutions_with_memory_and_without(repository, tmp_path):
    def invoke(*options):
        given = ("humaneval", "--data", PROBLEMS, "--out", tmp_path / "runs", "--max-new-tokens", 8)
        return CliRunner().invoke(app, list(map(str, (*given, *options))))

    told = invoke("--memory", repository, "--memory-budget", BUDGET, "--json")
    assert told.exit_code == 0, told.output
    data = json.loads(told.stdout)
    found = {(each["name"], each["arm"]): each["interval"][1] for each in data["figures"]}
    lost = [found["NLL of the authors' solution", arm] for arm in (WITHOUT, WITH)]
    assert all(0 < nats < 12 for nats in lost)
    assert lost[0] != lost[1]
    assert {("pass@1", WITHOUT), ("pass@1", WITH)} < found.keys()
    run = read_run(Path(data["run"]))
    assert run.about["data"]["memory of greeter"]
    assert run.about["settings"]["memory_budget"] == BUDGET
    refused = invoke("--memory", repository, "--samples", "canonical")
    assert isinstance(refused.exception, MegaContextError)
