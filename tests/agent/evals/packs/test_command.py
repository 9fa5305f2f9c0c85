"""`megacontext eval packs`, and the settings that ship."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

from megacontext.agent.commands import evaluate
from megacontext.agent.commands.eval_packs import narrowed
from megacontext.agent.evals.packs.settings import PackSettings, check_untrained
from megacontext.configs.errors import SettingsError
from megacontext.models.training.corpus.settings import read_yaml
from tests.agent.evals.packs.conftest import SETTINGS, workshop

SHIPPED = Path(str(files("megacontext.configs") / "eval" / "packs.yaml"))


def typed(*arguments: str):
    return CliRunner().invoke(evaluate.app, ["packs", *arguments])


def test_both_kinds_from_settings_to_pages(tmp_path: Path, model_folder: Path):
    options = {
        "--config": workshop(tmp_path),
        "--model": model_folder,
        "--data": tmp_path / "data",
        "--out": tmp_path / "out",
        "--count": 1,
    }
    done = typed(*(str(part) for pair in options.items() for part in pair))
    assert done.exit_code == 0, done.output
    pages = {page.parent.name[:9]: page.read_text() for page in tmp_path.glob("out/*/*/*.md")}
    assert set(pages) == {"tiny-ques", "tiny-call"}
    assert all("What the pack gives" in page for page in pages.values())
    [run] = tmp_path.glob("out/*/tiny-calls-*/run.json")
    about = json.loads(run.read_text())
    assert set(about["data"]) == {"ferry 2.0", "harbour 1.0"}
    assert "questions" not in about["settings"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--task", "poems"], "poems is none of questions, calls"),
        (["--repository", "numpy"], "numpy is none of flask"),
    ],
)
def test_what_is_unknown_is_refused_with_what_there_is(arguments, told):
    done = typed(*arguments)
    assert done.exit_code == 2
    assert told in " ".join(done.output.replace("│", " ").split())


def test_settings_that_ship_name_nothing_that_was_trained_on():
    check_untrained(read_yaml(SHIPPED, PackSettings), SHIPPED)


def test_what_was_trained_on_is_refused(tmp_path: Path):
    [stand] = SETTINGS["stands"]
    trained = {"name": "trained", "version": "1.0", "licence": "MIT"}
    file = workshop(tmp_path, stands=[stand | {"frameworks": [trained]}])
    with pytest.raises(SettingsError, match=r"trained is among the packages that corpus\.yaml"):
        check_untrained(read_yaml(file, PackSettings), file)


def test_settings_can_be_narrowed():
    settings = read_yaml(SHIPPED, PackSettings)
    few = narrowed(settings, ["flask"], 3)
    assert [stand.repository.name for stand in few.stands] == ["flask"]
    assert (few.questions.count, few.calls.count) == (3, 3)
    assert narrowed(settings, None, None) == settings


@pytest.mark.parametrize("changes", [{"stands": []}, {"stands": SETTINGS["stands"] * 2}, {"x": 1}])
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, changes):
    with pytest.raises(SettingsError, match=r"tiny\.yaml"):
        read_yaml(workshop(tmp_path, **changes), PackSettings)
