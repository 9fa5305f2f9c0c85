"""Whole GistNet runs on a tiny base: frozen and gist-native, continuation, gate, export."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from rich.console import Console
from safetensors.torch import load_file

from megacontext.configs.errors import ModelFilesError, TrainingError
from megacontext.models.gist.base_identity import identify_base
from megacontext.models.gist.files import load_gistnet
from megacontext.models.language.transformers_model import TransformersModel
from megacontext.models.training.base_run import BaseRun, Places
from megacontext.models.training.gist.gate import judge, say_greedily
from megacontext.models.training.gist.run import GistRun
from megacontext.models.training.gist.settings import Gate
from megacontext.models.training.log import read_log
from tests.models.training.gist.test_gist_learner import learner, windows

QUIET = Console(quiet=True)


@pytest.fixture
def places(corpus: Path, tmp_path: Path, run_values: dict[str, Any]) -> Places:
    """A trained tiny base run, its config beside."""
    places = Places(corpus, tmp_path / "runs")
    places.runs.mkdir()
    values = {**run_values, "seq_len": 256, "model": {**run_values["model"], "max_positions": 512}}
    (places.runs / "base.yaml").write_text(yaml.safe_dump(values))
    BaseRun(places.runs / "base.yaml", places, QUIET).train()
    return places


def gist_run(places: Places, name: str = "gists", **changes: Any) -> GistRun:
    values = {
        "name": name,
        "base": {"run": str(places.runs / "base.yaml")},
        "data": [{"corpus": "tiny"}],
        "seq_len": 256,
        "encoder": {"layers": 1},
        "view": {"segments": [2], "slots": [8, 1]},
        "schedule": {"warmup_steps": 1, "decay_share": 0.5, "total_steps": 4},
        "batch": {"windows": 2},
        "evaluation": {"every_steps": 2, "windows": 3},
        "device": "cpu",
        "threads": 1,
        "gate": {"spread": 0, "collisions": 1},
        **changes,
    }
    config = places.runs / f"{name}.yaml"
    config.write_text(yaml.safe_dump(values))
    return GistRun(config, places, QUIET)


@pytest.mark.parametrize("train_base", [False, True])
def test_a_run_ends_in_a_gistnet_that_fits_its_base(
    places: Places, tmp_path: Path, train_base: bool
) -> None:
    run = gist_run(places, train_base=train_base)
    summary = run.train()
    assert (summary.step, summary.finished) == (4, True)
    assert {"behind_tail_4x", "right_before_32x", "full_nll"} <= set(summary.measured)
    out = tmp_path / "out"
    verdict = run.export(out, "0" * 40)
    folder = out if train_base else places.runs / "gists" / "base"
    model = TransformersModel.from_pretrained(folder)
    base = identify_base(model.module, model.name, model.tokenizer.fingerprint)
    assert load_gistnet(out, base).config.slots == 8
    assert f"{verdict.measured['identifiers']:.1%}" in (out / "gistnet.md").read_text()
    assert (out / "README.md").is_file() == train_base


def test_a_frozen_base_is_the_same_after_a_run(places: Places) -> None:
    run = gist_run(places)
    run.train()
    saved = load_file(Path(run.train().checkpoint) / "model.safetensors")
    assert {name.split(".")[0] for name in saved} == {"gistnet"}


def test_a_gistnet_of_another_base_is_refused(places: Places, tmp_path: Path) -> None:
    run = gist_run(places, train_base=True)
    run.train()
    run.export(tmp_path / "out", "0" * 40)
    other = TransformersModel.from_pretrained(places.runs / "gists" / "base")
    base = identify_base(other.module, other.name, other.tokenizer.fingerprint)
    with pytest.raises(ModelFilesError, match="weights"):
        load_gistnet(tmp_path / "out", base)


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(places: Places) -> None:
    whole = gist_run(places, "whole", train_base=True).train()
    schedule = {"warmup_steps": 1, "decay_share": 0.5, "total_steps": 4}
    half = gist_run(places, "half", train_base=True, schedule={**schedule, "total_steps": 2})
    # Two steps of a longer run: the decay of the shorter one is taken back from its plateau.
    assert half.train().step == 2
    resumed = gist_run(places, "half", train_base=True).train()
    assert resumed.step == 4
    expected = load_file(Path(whole.checkpoint) / "model.safetensors")
    actual = load_file(Path(resumed.checkpoint) / "model.safetensors")
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


def test_the_log_tells_each_term(places: Places) -> None:
    run = gist_run(places, schedule={"warmup_steps": 0, "total_steps": 10})
    run.train()
    (record,) = read_log(places.runs / "gists" / "log.jsonl", "step")
    assert {"loss", "continuation", "reconstruction"} <= set(record)


def test_the_gate_keeps_a_poor_gistnet_out(places: Places, tmp_path: Path) -> None:
    run = gist_run(places, gate={"recovery": {8: 0.99}, "spread": 0})
    run.train()
    with pytest.raises(TrainingError, match=r"behind_tail_4x is .*, at least 0.99 is wanted"):
        run.export(tmp_path / "out", "0" * 40)
    assert not (tmp_path / "out").exists()
    assert run.export(tmp_path / "out", "0" * 40, force=True).faults


def test_without_a_checkpoint_nothing_is_judged(places: Places, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no checkpoint"):
        gist_run(places, "never").judge()


def test_a_missing_base_run_is_named(places: Places) -> None:
    values = yaml.safe_load((places.runs / "base.yaml").read_text())
    (places.runs / "other.yaml").write_text(yaml.safe_dump({**values, "name": "untrained"}))
    with pytest.raises(TrainingError, match="untrained holds no checkpoint"):
        gist_run(places, base={"run": str(places.runs / "other.yaml")}).train()


def test_collapsed_gists_are_found() -> None:
    taught = learner()
    rows = windows(3, 264).numpy()
    decode = lambda ids: " ".join(f"name{i}" for i in ids)  # noqa: E731
    fine = judge(taught, rows, decode, Gate(), (8, 1))
    assert fine.measured["collisions"] == 0
    assert fine.passed
    taught.gistnet.forward = lambda blocks, lengths, slots=None: torch.ones(  # type: ignore[method-assign]
        len(blocks), slots or 8, blocks.shape[-1]
    )
    poor = judge(taught, rows, decode, Gate(), (8, 1))
    assert poor.measured["spread"] == 0
    assert {fault.split()[0] for fault in poor.faults} == {"spread", "collisions"}


def test_what_is_said_again_is_the_likeliest_at_each_place() -> None:
    taught = learner()
    gists = torch.randn(2, 8, taught.head.shape[1])
    said = say_greedily(taught, gists, 5)
    states = taught.say_again(gists, said)
    assert torch.equal((states @ taught.head.T).argmax(2), said)
