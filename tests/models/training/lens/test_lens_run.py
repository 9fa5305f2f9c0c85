"""Whole LensNet runs on made-up snapshots: learning, continuation, refusals, export, the command."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from rich.console import Console
from safetensors.torch import load_file
from typer.testing import CliRunner

from megacontext.agent.main import app
from megacontext.configs.errors import TrainingError
from megacontext.memory.focus.features import FEATURES as ALL_FEATURES
from megacontext.memory.focus.query import FocusQuery, Position
from megacontext.memory.focus.scorer import Weights
from megacontext.models.lens.files import load_lensnet
from megacontext.models.lens.snapshots import SnapshotWriter
from megacontext.models.lensnet import LensNetConfig
from megacontext.models.training.base_run import Places
from megacontext.models.training.corpus.settings import read_yaml
from megacontext.models.training.lens.learner import LensLearner
from megacontext.models.training.lens.run import LensRun
from megacontext.models.training.lens.settings import LensRunSettings
from megacontext.models.training.log import read_log
from megacontext.models.training.task import Moment, Rows
from tests.models.lens.made_up import FEATURES, facts, snapshot

ROOT = Path(__file__).parents[4]
QUIET = Console(quiet=True)
VALUES = {
    "name": "tiny",
    "dataset": "made_up",
    "lens": {"width": 64, "heads": 2},
    "worth": {"unit": 1.0},
    "optimizer": {"muon_lr": 0.005, "adamw_lr": 0.05},
    "schedule": {"warmup_steps": 5, "decay_share": 0.7, "total_steps": 80},
    "batch": {"windows": 8},
    "evaluation": {"every_steps": 500, "windows": 60},
    "device": "cpu",
    "threads": 1,
}
SHORT = {"warmup_steps": 1, "decay_share": 0.5, "total_steps": 4}


def make_dataset(folder: Path, numbers: range, **changes: Any) -> None:
    with SnapshotWriter(folder, facts(**changes)) as writer:
        for number in numbers:
            writer.add(snapshot(number))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    make_dataset(folder / "lens" / "made_up", range(300))
    return folder


def config(places: Places, **changes: Any) -> Path:
    values = {**VALUES, **changes}
    places.runs.mkdir(exist_ok=True)
    file = places.runs / f"{values['name']}.yaml"
    file.write_text(yaml.safe_dump(values))
    return file


@pytest.fixture
def places(data: Path, tmp_path: Path) -> Places:
    return Places(data, tmp_path / "runs")


def lens_run(places: Places, **changes: Any) -> LensRun:
    return LensRun(config(places, **changes), places, QUIET)


def lens(**changes: Any) -> dict[str, Any]:
    return {**VALUES["lens"], **changes}


def test_it_learns_what_is_like_the_query_in_other_repositories(places: Places) -> None:
    measured = lens_run(places).train().measured
    assert measured["spearman"] > 0.8
    assert measured["regret"] < 0.2
    assert measured["fresh_spearman"] == 0


def test_without_the_query_it_cannot(places: Places) -> None:
    measured = lens_run(places, lens=lens(query=False)).train().measured
    assert abs(measured["spearman"]) < 0.3


@pytest.mark.parametrize("variant", [{"latents": 3}, {"competition": True}, {"features": False}])
def test_every_variant_trains(places: Places, variant: dict[str, Any]) -> None:
    summary = lens_run(places, lens=lens(**variant), schedule=SHORT).train()
    assert (summary.finished, summary.step) == (True, 4)


def test_a_stopped_run_goes_on_as_if_it_had_not_stopped(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = lens_run(places, name="whole", schedule=SHORT).train()
    untouched = LensLearner.loss

    def interrupted(self: LensLearner, rows: Rows, moment: Moment) -> Any:
        if moment.step == 1:
            signal.raise_signal(signal.SIGTERM)
        return untouched(self, rows, moment)

    with monkeypatch.context() as patch:
        patch.setattr(LensLearner, "loss", interrupted)
        stopped = lens_run(places, name="half", schedule=SHORT).train()
    assert (stopped.finished, stopped.step) == (False, 2)
    resumed = lens_run(places, name="half", schedule=SHORT).train()
    assert (resumed.step, resumed.loss) == (4, whole.loss)
    expected = load_file(Path(whole.checkpoint) / "model.safetensors")
    actual = load_file(Path(resumed.checkpoint) / "model.safetensors")
    assert all(torch.equal(actual[name], expected[name]) for name in expected)


def test_the_log_tells_each_term(places: Places) -> None:
    lens_run(places, schedule={"total_steps": 10}).train()
    (record,) = read_log(places.runs / "tiny" / "log.jsonl", "step")
    assert {"loss", "regression", "ranking", "budget"} <= set(record)


def test_snapshots_made_anew_are_another_run(places: Places, tmp_path: Path) -> None:
    lens_run(places, schedule=SHORT).train()
    make_dataset(tmp_path / "other" / "lens" / "made_up", range(20))
    other = Places(tmp_path / "other", places.runs)
    with pytest.raises(TrainingError, match="the dataset was another one"):
        lens_run(other, schedule=SHORT).train()
    with pytest.raises(TrainingError, match="holds checkpoints"):
        lens_run(places, schedule=SHORT).train(resume=False)


@pytest.mark.parametrize(
    ("of_dataset", "numbers", "changes", "told"),
    [
        ({"split": "held_out"}, range(4), {}, "kept for evaluation"),
        ({}, range(0, 8, 2), {}, "1 repositories; make some of two"),
        ({}, range(0), {}, "0 repositories"),
        ({}, range(4), {"lens": {"feature_weights": {"colour": 1}}}, "names colour"),
        ({}, range(4), {"dataset": "none"}, "no whole dataset"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(
    tmp_path: Path, of_dataset: dict[str, Any], numbers: range, changes: dict[str, Any], told: str
) -> None:
    make_dataset(tmp_path / "lens" / "made_up", numbers, **of_dataset)
    with pytest.raises(TrainingError, match=told):
        lens_run(Places(tmp_path, tmp_path / "runs"), **changes).train()


def test_no_checkpoint_and_one_of_another_shape_are_told(places: Places, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="holds no checkpoint"):
        lens_run(places).export(tmp_path / "out", "c")
    lens_run(places, schedule=SHORT).train()
    with pytest.raises(TrainingError, match="does not fit the settings of tiny"):
        lens_run(places, lens=lens(width=32)).evaluate()


def test_the_command_trains_measures_and_exports(places: Places, tmp_path: Path) -> None:
    def run(*more: str) -> dict[str, Any]:
        folders = ["--data", str(places.data), "--runs", str(places.runs)]
        command = ["train", "lensnet", "--config", str(config(places, schedule=SHORT)), "--json"]
        result = CliRunner().invoke(app, [*command, *folders, *more])
        assert result.exit_code == 0, result.output
        told: dict[str, Any] = json.loads(result.stdout)
        return told

    trained = run()
    assert trained["finished"] and trained["step"] == 4
    measured = run("--evaluate")
    assert measured["spearman"] == pytest.approx(trained["measured"]["spearman"])
    out = tmp_path / "out"
    assert run("--export", str(out)) == measured
    net = load_lensnet(out, base_id="b1", encoder_id="e1", gist_width=16, feature_names=FEATURES)
    assert (net.feature_scale < 1).all()
    card = (out / "lensnet.md").read_text()
    assert f"| {measured['fresh_spearman']:.3f} | {measured['spearman']:.3f} |" in card
    assert "one 1.0, two 2.1" in card


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_the_shipped_runs_start_from_the_feature_scorer(name: str) -> None:
    settings = read_yaml(ROOT / "configs" / "runs" / f"lensnet_pocket_{name}.yaml", LensRunSettings)
    weights = dict(
        zip(
            ALL_FEATURES,
            Weights(cursor_scale=1.0).vector(FocusQuery(at=Position("x.py", 1))).tolist(),
            strict=True,
        )
    )
    given = settings.lens.feature_weights
    assert given == pytest.approx({name: weight for name, weight in weights.items() if weight})
    shape = settings.lens.model_dump()
    LensNetConfig(base_id="b", encoder_id="e", gist_width=256, feature_names=ALL_FEATURES, **shape)
