"""Whole runs of a tiny model: exact continuation, interruption, refusal, budgets."""

import json
import math
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from rich.console import Console
from safetensors.torch import load_file

from megacontext.configs.errors import SettingsError, TrainingError
from megacontext.models.training.base_run import BaseRun, Places
from megacontext.models.training.base_task import BaseLearner, build_learner
from megacontext.models.training.checkpoint import (
    Checkpoint,
    Checkpoints,
    RunState,
    read_checkpoint,
)
from megacontext.models.training.corpus.settings import read_yaml
from megacontext.models.training.log import read_log
from megacontext.models.training.loss import IGNORED, linear_cross_entropy
from megacontext.models.training.network import build_network
from megacontext.models.training.optimizer import MuonAdamW
from megacontext.models.training.schedule import Schedule
from megacontext.models.training.settings import RunSettings, ScheduleSettings
from megacontext.models.training.task import Moment
from megacontext.models.training.workers import Workers, add_gradients

ROOT = Path(__file__).parents[3]
START = Moment(0, 0.0)


@pytest.fixture
def places(corpus: Path, tmp_path: Path) -> Places:
    return Places(corpus, tmp_path / "runs")


def run(values: dict[str, Any], places: Places, **schedule: Any) -> BaseRun:
    """A run of these values; `schedule` replaces parts of its schedule."""
    values = {**values, "schedule": {**values["schedule"], **schedule}}
    places.runs.mkdir(exist_ok=True)
    config = places.runs / "run.yaml"
    config.write_text(yaml.safe_dump(values))
    return BaseRun(config, places, Console(quiet=True))


def weights(checkpoint: str) -> dict[str, torch.Tensor]:
    return load_file(Path(checkpoint) / "model.safetensors")


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(
    run_values: dict[str, Any], places: Places, tmp_path: Path
) -> None:
    whole = run(run_values, places).train()
    other = Places(places.data, tmp_path / "other")
    stop_after(run(run_values, other), steps=3)
    resumed = run(run_values, other).train()
    assert (whole.step, resumed.step) == (6, 6)
    assert resumed.loss == whole.loss
    expected = weights(whole.checkpoint)
    actual = weights(resumed.checkpoint)
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


def stop_after(stopped: BaseRun, steps: int) -> None:
    """Train until a signal comes, which is raised in the given step."""
    from megacontext.models.training import loop

    class Interrupting(loop.MuonAdamW):
        def step(self, factor: float) -> float:
            self.taken = getattr(self, "taken", 0) + 1
            if self.taken == steps:
                signal.raise_signal(signal.SIGINT)
            return super().step(factor)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "MuonAdamW", Interrupting)
        summary = stopped.train()
    assert (summary.finished, summary.step) == (False, steps)


def test_training_lowers_the_loss_and_keeps_a_log(
    run_values: dict[str, Any], places: Places
) -> None:
    values = {**run_values, "optimizer": {"muon_lr": 0.05, "adamw_lr": 0.01}}
    summary = run(values, places, total_steps=30).train()
    steps = read_log(places.runs / "small" / "log.jsonl", "step")
    assert [record["step"] for record in steps] == [10, 20, 30]
    bits = [r["bits_per_byte"] for r in read_log(places.runs / "small" / "log.jsonl", "validation")]
    assert bits[-1] < bits[0]
    assert summary.tokens == 30 * 2 * 128


def test_a_different_run_in_the_same_folder_is_refused_with_the_difference(
    run_values: dict[str, Any], places: Places
) -> None:
    run(run_values, places, total_steps=1).train()
    with pytest.raises(TrainingError, match=r"different run: seed \(0 there, 1 here\)"):
        run({**run_values, "seed": 1}, places).train()


def test_checkpoints_are_not_written_over(run_values: dict[str, Any], places: Places) -> None:
    run(run_values, places, total_steps=1).train()
    with pytest.raises(TrainingError, match="holds checkpoints"):
        run(run_values, places).train(resume=False)


def test_a_larger_budget_goes_on_from_the_plateau(
    run_values: dict[str, Any], places: Places
) -> None:
    run(run_values, places, total_steps=6).train()
    longer = run(run_values, places, total_steps=20).train()
    assert longer.step == 20
    resumed = read_log(places.runs / "small" / "log.jsonl", "resumed")
    assert [record["step"] for record in resumed] == [4]


def test_several_processes_give_the_gradients_of_one(run_settings: RunSettings) -> None:
    rows = torch.randint(7, 300, (5, 128)).numpy().astype("uint16")
    build = partial(build_learner, run_settings, 4)
    learner = build()
    alone = add_gradients(learner, rows, START, 1.0)
    expected = {name: p.grad.clone() for name, p in learner.named_parameters()}
    learner.zero_grad()
    with Workers(learner, build, count=2) as workers:
        together = workers.add_gradients(rows, START, 1.0)
    assert together == pytest.approx(alone, rel=1e-3)
    for name, parameter in learner.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=0.05, atol=2e-3)


def test_sigterm_saves_and_ends_well(run_values: dict[str, Any], places: Places) -> None:
    run(run_values, places)
    program = (
        "from pathlib import Path; from rich.console import Console\n"
        "from megacontext.models.training.base_run import BaseRun, Places\n"
        "import sys; config, data, runs = map(Path, sys.argv[1:])\n"
        "base = BaseRun(config, Places(data, runs), Console()); base.limit_hours(1)\n"
        "print('ended', base.train().finished, flush=True)"
    )
    values = {**run_values, "schedule": {"max_hours": 1}}
    config = places.runs / "run.yaml"
    config.write_text(yaml.safe_dump(values))
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", program, config, places.data, places.runs],
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        for line in process.stdout:
            if line.startswith("step:"):
                process.send_signal(signal.SIGTERM)
                break
        rest = process.stdout.read()
    assert process.returncode == 0
    assert "ended False" in rest
    assert Checkpoints(places.runs / "small" / "checkpoints").latest() is not None


def checkpoint(step: int) -> Checkpoint:
    state = RunState("f", step, 1.5, {"name": "x"})
    return Checkpoint(state, {"w": torch.ones(2)}, {"muon": {}}, torch.get_rng_state())


def test_only_the_last_checkpoints_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 3):
        checkpoints.save(checkpoint(step))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000003"]
    checkpoints.save(checkpoint(1))
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "state.json"])
@pytest.mark.parametrize("content", [None, b"", b"\x80\x04broken"])
def test_a_broken_checkpoint_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    folder = Checkpoints(tmp_path).save(checkpoint(1))
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    with pytest.raises(TrainingError, match="step-00000001"):
        read_checkpoint(folder)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    folder = Checkpoints(tmp_path).save(checkpoint(1))
    torch.save({"optimizer": print, "generator": None}, folder / "optimizer.pt")
    with pytest.raises(TrainingError, match="broken"):
        read_checkpoint(folder)


@pytest.mark.parametrize(
    ("step", "seconds", "factor"),
    [(0, 0, 0.1), (4, 0, 0.5), (9, 0, 1), (79, 0, 1), (90, 0, 0.5), (100, 0, 0), (50, 3240, 0.5)],
)
def test_the_rate_rises_stays_and_falls(step: int, seconds: float, factor: float) -> None:
    schedule = Schedule(ScheduleSettings(warmup_steps=10, total_steps=100, max_hours=1))
    assert schedule.factor(step, seconds) == pytest.approx(factor)


def test_every_parameter_is_stepped_by_one_optimizer(run_settings: RunSettings) -> None:
    network = build_network(run_settings)
    optimizer = MuonAdamW(network, run_settings.optimizer)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    rows = torch.randint(7, 300, (2, 128)).numpy()
    add_gradients(BaseLearner(network, 4), rows, START, 1.0)
    assert optimizer.step(1.0) > 0
    assert all(not torch.equal(p, before[name]) for name, p in network.named_parameters())
    assert all(p.grad is None for p in network.parameters())


def test_the_sliced_loss_is_the_cross_entropy() -> None:
    torch.manual_seed(0)
    hidden, head = torch.randn(600, 8, requires_grad=True), torch.randn(40, 8, requires_grad=True)
    targets = torch.randint(0, 40, (600,))
    targets[::5] = IGNORED
    loss = linear_cross_entropy(hidden, head, targets)
    expected = torch.nn.functional.cross_entropy(hidden @ head.T, targets)
    torch.testing.assert_close(loss, expected)
    slopes = torch.autograd.grad(3 * loss, (hidden, head))
    torch.testing.assert_close(slopes, torch.autograd.grad(3 * expected, (hidden, head)))


def test_no_target_gives_no_loss_and_no_slope() -> None:
    hidden, head = torch.randn(3, 8, requires_grad=True), torch.randn(40, 8)
    loss = linear_cross_entropy(hidden, head, torch.full((3,), IGNORED))
    loss.backward()
    assert loss == 0
    assert not hidden.grad.any()


def test_a_loss_that_is_no_number_ends_the_run(
    run_values: dict[str, Any], places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workers, "add_gradients", lambda *_: {"loss": math.nan})
    with pytest.raises(TrainingError, match="loss at step 0 is nan"):
        run(run_values, places).train()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sequence": 3}, "unknown key 'sequence'; allowed here: .*seq_len"),
        ({"schedule": {"warmup_steps": 3}}, "total_steps, max_hours or both"),
        ({"model": {**dict.fromkeys(("hidden_size", "layers", "kv_heads"), 6)}}, "model.heads"),
        ({"seq_len": 512}, "seq_len 512 is over max_positions"),
        ({"name": "../up"}, "name = '../up'"),
        ({"device": "tpu"}, "'cpu'"),
        ({"tokenizer": {"vocab_size": 100_000}}, "tokenizer.vocab_size = 100000"),
        ({"optimizer": {"muonlr": 1}}, "optimizer.muonlr'; allowed here: muon_lr"),
    ],
)
def test_a_wrong_run_setting_names_itself(
    run_values: dict[str, Any], places: Places, change: dict[str, Any], told: str
) -> None:
    places.runs.mkdir()
    (places.runs / "run.yaml").write_text(yaml.safe_dump({**run_values, **change}))
    with pytest.raises(SettingsError, match=told):
        BaseRun(places.runs / "run.yaml", places, Console(quiet=True))


@pytest.mark.parametrize(("name", "low", "high"), [("cpu", 4.9e6, 8e6), ("gpu", 26e6, 30e6)])
def test_the_shipped_runs_have_the_size_they_claim(name: str, low: float, high: float) -> None:
    settings = read_yaml(ROOT / "configs" / "runs" / f"pocket_{name}.yaml", RunSettings)
    with torch.device("meta"):
        assert low < build_network(settings).num_parameters() < high
    assert (ROOT / "configs" / "data" / f"{settings.corpus}.yaml").is_file()


def test_a_log_cut_short_is_read_up_to_the_cut(tmp_path: Path) -> None:
    whole = json.dumps({"kind": "step", "step": 1})
    (tmp_path / "log.jsonl").write_text(f'{whole}\n{{"kind": "st')
    assert read_log(tmp_path / "log.jsonl", "step") == [{"kind": "step", "step": 1}]
