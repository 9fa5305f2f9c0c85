"""What a run tells: its log, the live view, Weights & Biases, and where its checkpoints are from."""

import io
import json
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from megacontext.configs.errors import TrainingError
from megacontext.models.training import provenance
from megacontext.models.training.base_run import BaseRun, Places
from megacontext.models.training.checkpoint import Checkpoints, read_state
from megacontext.models.training.log import RunLog, open_log, read_log
from megacontext.models.training.settings import RunSettings
from tests.patience import LOOK_S, PATIENCE_S

STEP = {"step": 120, "loss": 2.5, "recall": 1.25, "tokens_per_s": 900, "seconds": 90, "spent": 0.25}


def console(terminal: bool) -> tuple[Console, io.StringIO]:
    screen = io.StringIO()
    return Console(file=screen, force_terminal=terminal, width=90, color_system=None), screen


def test_a_terminal_shows_budget_losses_and_the_last_measurements(tmp_path: Path) -> None:
    told, screen = console(terminal=True)
    log = RunLog(tmp_path / "log.jsonl", told)
    for step in range(50, 450, 50):
        log.record("validation", step=step, tokens=9, behind_tail_4x=step / 1000, full_nll=2.0)
    log.record("step", **STEP)
    log.say("packing [bold]")
    log.close()
    last = screen.getvalue().rpartition("packing [bold]")[2]
    assert " 25%  0:01:30 so far, 0:04:30 left" in last
    assert "loss 2.5  recall 1.25  tokens_per_s 900" in last
    rows = [line.split() for line in last.splitlines()]
    assert ["150", "200", "250", "300", "350", "400"] in rows
    assert ["behind_tail_4x", "0.15", "0.2", "0.25", "0.3", "0.35", "0.4"] in rows
    assert ["full_nll", *["2"] * 6] in rows


def test_without_a_terminal_every_record_is_a_line(tmp_path: Path) -> None:
    told, screen = console(terminal=False)
    log = RunLog(tmp_path / "log.jsonl", told)
    log.record("step", **STEP)
    log.record("resumed", step=3)
    log.close()
    first, second = screen.getvalue().splitlines()
    assert first.startswith("step: step 120  loss 2.5  recall 1.25")
    assert second == "resumed: step 3"
    assert read_log(tmp_path / "log.jsonl", "step") == [{"kind": "step", **STEP}]


@pytest.mark.parametrize("spent", [0.0, 1.0, 1.02])
def test_the_budget_is_told_at_both_ends(tmp_path: Path, spent: float) -> None:
    told, screen = console(terminal=True)
    log = RunLog(tmp_path / "log.jsonl", told)
    log.record("step", **{**STEP, "spent": spent})
    log.close()
    assert f"{spent:.0%}" in screen.getvalue()


def test_checkpoints_tell_what_they_were_made_from(
    run_values: dict[str, Any], corpus: Path, tmp_path: Path
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(run_values))
    run = BaseRun(config, Places(corpus, tmp_path), Console(quiet=True))
    run.train()
    state = read_state(Path(run.evaluate().checkpoint))
    made = json.loads((tmp_path / "small" / "data" / "windows.json").read_text())
    assert state.provenance["data"] == made["fingerprint"]
    assert state.provenance["commit"] == provenance.commit_of_code()
    assert state.provenance["torch"] == version("torch")
    assert state.settings["seed"] == run.settings.seed
    # Checkpoints from before tell nothing of it, and still go on.
    file = Path(run.evaluate().checkpoint) / "state.json"
    without = {k: v for k, v in json.loads(file.read_text()).items() if k != "provenance"}
    file.write_text(json.dumps(without))
    assert run.train().step == 6


def test_other_data_is_named_as_the_reason(
    run_values: dict[str, Any], corpus: Path, tmp_path: Path
) -> None:
    config = tmp_path / "run.yaml"
    config.write_text(yaml.safe_dump(run_values))
    run = BaseRun(config, Places(corpus, tmp_path), Console(quiet=True))
    run.train()
    newest = Checkpoints(tmp_path / "small" / "checkpoints").latest()
    assert newest is not None
    state = json.loads((newest / "state.json").read_text())
    state |= {"fingerprint": "other", "provenance": {"data": "abc"}}
    (newest / "state.json").write_text(json.dumps(state))
    with pytest.raises(TrainingError, match="the data was another one \\(hash abc there"):
        run.train()


def test_the_commit_is_that_of_this_code_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(provenance.commit_of_code()) == 40
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "provenance.py"))
    assert provenance.commit_of_code() == "unknown"


def wandb_settings(run_values: dict[str, Any]) -> RunSettings:
    return RunSettings.model_validate({**run_values, "wandb": True})


def test_weights_and_biases_writes_offline(
    run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB__SERVICE_WAIT", str(PATIENCE_S))
    log = open_log(wandb_settings(run_values), tmp_path, Console(quiet=True))
    log.record("step", **STEP)
    log.record("validation", step=120, tokens=4, figure=0.5)
    log.record("resumed", step=120, note="words")
    log.close()
    (written,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    # Its own process writes, and on a busy machine goes on after the run was said to be finished.
    end = time.monotonic() + PATIENCE_S
    while b"validation/figure" not in written.read_bytes():
        assert time.monotonic() < end, "nothing was written"
        time.sleep(LOOK_S)


def test_nobody_is_told_unless_asked(run_settings: RunSettings, tmp_path: Path) -> None:
    before = set(sys.modules)
    open_log(run_settings, tmp_path, Console(quiet=True)).close()
    assert not {name for name in set(sys.modules) - before if name.startswith("wandb")}
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


def test_without_the_package_the_extra_is_named(
    run_values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(TrainingError, match=r"pip install megacontext\[wandb\]"):
        open_log(wandb_settings(run_values), tmp_path, Console(quiet=True))
