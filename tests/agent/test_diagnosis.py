import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from megacontext.agent.diagnosis import diagnose
from megacontext.agent.main import app
from megacontext.models.choosing import choose
from megacontext.models.choosing.machine import probe_machine


def test_a_sound_set_up_is_told_whole(repository, model_folder):
    report = diagnose(repository, {"model.name": str(model_folder), "focus.budget": "4096"})
    assert report["ok"] and report["problems"] == []
    assert report["repository"] == str(repository)
    model = report["model"]
    assert (model["folder"], model["chat"], model["device"]) == (str(model_folder), False, "cpu")
    assert model["reasons"]
    told = {item["key"]: item["value"] for item in report["settings"]}
    assert told == {"model.name": str(model_folder), "focus.budget": "4096"}
    assert report["machine"]["processors"] >= 1 and report["machine"]["memory"] > 10**8
    assert report["environment"]["libraries"]["torch"]
    json.dumps(report)


def test_a_model_that_chats_is_known_by_its_files(repository, write_model, tmp_path):
    folder = write_model(tmp_path / "chatty", chat=True)
    assert diagnose(repository, {"model.name": str(folder)})["model"]["chat"]


def test_a_remote_model_is_told_without_asking_it(repository):
    remote = {"model.remote.base_url": "http://127.0.0.1:1/v1", "model.remote.model": "coder"}
    model = diagnose(repository, remote)["model"]
    assert (model["name"], model["device"]) == ("coder", "http://127.0.0.1:1/v1")


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ({"model.name": "no-such-model"}, "there is no model 'no-such-model'"),
        ({"model.name": "qwen2.5-coder-0.5b-instruct"}, "is not on disk"),
        ({"focus.budget": "many", "model.nome": "x"}, "2 problems in the settings:\n  "),
    ],
)
def test_a_problem_hides_nothing_else(repository, flags, told):
    report = diagnose(repository, flags)
    assert not report["ok"] and report["model"] is None
    assert told in report["problems"][0]
    assert report["environment"]["python"] and report["machine"]["memory"]


@pytest.mark.parametrize("fault", ["weights", "config", "tokenizer"])
def test_files_that_cannot_be_loaded_are_found_without_loading_them(
    repository, model_folder, tmp_path, fault
):
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in model_folder.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    match fault:
        case "weights":
            weights = broken / "model.safetensors"
            weights.write_bytes(weights.read_bytes()[:-100])
        case "config":
            (broken / "config.json").write_text('{"model_type": "qwen2"}')
        case "tokenizer":
            (broken / "tokenizer.json").write_text("{}")
    report = diagnose(repository, {"model.name": str(broken)})
    assert not report["ok"]
    assert str(broken) in report["problems"][0]


def test_no_model_at_all_is_one_readable_block(repository, tmp_path, monkeypatch):
    monkeypatch.setattr(choose, "pocket_folder", lambda: tmp_path / "nothing")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    done = CliRunner().invoke(app, ["doctor", "--repo", str(repository)])
    assert done.exit_code == 1
    assert "model: none" in done.output
    problem = done.output.partition("problem: ")[2].splitlines()
    assert problem[0] == "no model can run here:"
    assert all(line.startswith("  not ") for line in problem[1:] if line)


@pytest.mark.skipif(
    probe_machine().accelerator is not None, reason="torch says how much room a GPU has"
)
def test_without_a_gpu_torch_is_not_loaded(repository, model_folder):
    code = (
        "import sys; from pathlib import Path; from megacontext.agent.diagnosis import diagnose; "
        "report = diagnose(Path(sys.argv[1]), {'model.name': sys.argv[2]}); "
        "sys.exit('torch' in sys.modules or not report['ok'])"
    )
    command = [sys.executable, "-c", code, str(repository), str(model_folder)]
    assert subprocess.run(command, check=False).returncode == 0
