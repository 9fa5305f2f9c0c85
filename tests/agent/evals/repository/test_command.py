"""`megacontext eval repository`, and the settings that ship."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from megacontext.agent.commands import evaluate
from megacontext.agent.commands.eval_repository import narrowed
from megacontext.agent.evals.pinned import packages_of
from megacontext.agent.evals.repository.settings import RepositorySettings
from megacontext.configs.errors import SettingsError
from megacontext.models.training.corpus.settings import read_yaml
from tests.agent.evals.repository.conftest import workshop

SHIPPED = Path(str(files("megacontext.configs") / "eval" / "repository.yaml"))


def typed(*arguments: str):
    return CliRunner().invoke(evaluate.app, ["repository", *arguments])


def test_needles_from_settings_to_figures(tmp_path: Path, model_folder: Path):
    file = workshop(tmp_path)
    options = {
        "--config": file,
        "--model": model_folder,
        "--data": tmp_path / "data",
        "--out": tmp_path / "out",
        "--task": "needles",
        "--count": 1,
    }
    done = typed(*(str(part) for pair in options.items() for part in pair), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["suite"] == "tiny-needles"
    assert {figure["name"] for figure in told["figures"]} >= {"recall@1", "recall@5"}
    run = json.loads((Path(told["run"]) / "run.json").read_text())
    assert len(run["data"]["plot 2.0"]) == 64
    assert run["settings"]["needles"]["count"] == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--task", "poems"], "poems is none of lines"), (["--package", "numpy"], "numpy is none of")],
)
def test_what_is_unknown_is_refused_with_what_there_is(arguments, told):
    done = typed(*arguments)
    assert done.exit_code == 2
    assert told in " ".join(done.output.replace("│", " ").split())


def test_settings_that_ship_name_packages_that_were_never_trained_on():
    settings = read_yaml(SHIPPED, RepositorySettings)
    pinned = packages_of(settings.names, settings.corpus, "held_out", SHIPPED)
    assert [package.name for package in pinned] == list(settings.names)


def test_settings_can_be_narrowed():
    settings = read_yaml(SHIPPED, RepositorySettings)
    few = narrowed(settings, ["tomlkit"], 3)
    assert few.names == ("tomlkit",)
    assert {few.lines.count, few.edits.count, few.needles.count, few.bodies.count} == {3}
    assert narrowed(settings, None, None) == settings


@pytest.mark.parametrize(
    "changes", [{"packages": []}, {"packages": [{"name": "plot"}] * 2}, {"slots": 3}, {"more": 1}]
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, changes):
    with pytest.raises(SettingsError, match=r"tiny\.yaml"):
        read_yaml(workshop(tmp_path, **changes), RepositorySettings)
