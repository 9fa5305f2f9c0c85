"""The same commands on bases of other families, with other tokenizers, and what does not fit is refused."""

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from typer import Typer
from typer.testing import CliRunner, Result

from megacontext.agent.commands import data, evaluate, train
from megacontext.configs.errors import ModelFilesError
from megacontext.models.gist.base_identity import identify_base
from megacontext.models.gist.files import encoder_id, load_gistnet
from megacontext.models.language.loading import load_folder
from megacontext.models.lens.files import load_lensnet
from megacontext.models.training.checkpoint import Checkpoints, read_state
from megacontext.models.training.gist.settings import GistRunSettings
from megacontext.models.training.gist.task import build_learner
from megacontext.models.training.task import Moment
from megacontext.models.training.workers import add_gradients
from tests.models.training.small import package

pytestmark = pytest.mark.portability

LLAMA = ["<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>", "<|im_end|>"]
"""Special tokens of SmolLM3: none to fill in with, none for repositories."""


@pytest.fixture(scope="session")
def base_folders(
    write_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A tiny base of each family, with the special tokens of that family."""
    root = tmp_path_factory.mktemp("bases")
    folders = {kind: write_model(root / kind, kind, chat=False) for kind in ("qwen2", "smollm3")}
    file = folders["smollm3"] / "tokenizer.json"
    definition = json.loads(file.read_text())
    like = definition["added_tokens"][0]
    first = len(definition["model"]["vocab"])
    definition["added_tokens"] = [
        {**like, "content": name, "id": first + i} for i, name in enumerate(LLAMA)
    ]
    file.write_text(json.dumps(definition))
    return folders


BASE = Path("base")
"""Where the commands of these tests find it, from where they run."""


def gist_values(base: Path = BASE, **changes: Any) -> dict[str, Any]:
    return {
        "name": "gists",
        "base": {"folder": str(base)},
        "data": [{"corpus": "tiny"}],
        "seq_len": 480,
        "encoder": {"layers": 2},
        "view": {"segments": [2], "slots": [8, 1]},
        "terms": {"importance": 0.5},
        "teacher": {"top": 8},
        "schedule": {"warmup_steps": 1, "total_steps": 2},
        "batch": {"windows": 2},
        "evaluation": {"every_steps": 2, "windows": 2},
        "device": "cpu",
        "threads": 1,
        **changes,
    }


def call(app: Typer, *arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments), "--json"])


def gist_command(corpus: Path, values: dict[str, Any], *more: str | Path) -> Result:
    config = Path(f"{values['name']}.yaml")
    config.write_text(yaml.safe_dump(values))
    return call(train.app, "gistnet", "--config", config, "--data", corpus, *more)


@dataclass(frozen=True)
class Trained:
    """A folder with a base, its GistNet and the run, and what the commands printed."""

    folder: Path
    train: Result
    export: Result


@pytest.fixture(scope="session")
def trained_bases(
    base_folders: dict[str, Path], corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Trained]:
    """A GistNet trained for each base, and exported into its folder."""
    made = {}
    for kind, base in base_folders.items():
        folder = tmp_path_factory.mktemp(kind)
        shutil.copytree(base, folder / BASE)
        with contextlib.chdir(folder):
            done = gist_command(corpus, gist_values())
            exported = gist_command(corpus, gist_values(), "--export", BASE, "--force")
        made[kind] = Trained(folder, done, exported)
    return made


@pytest.fixture(params=["qwen2", "smollm3"])
def trained(
    request: pytest.FixtureRequest,
    trained_bases: dict[str, Trained],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Trained:
    """A copy, which a test may change; it stands in it."""
    one = trained_bases[request.param]
    folder = Path(shutil.copytree(one.folder, tmp_path / "here"))
    monkeypatch.chdir(folder)
    return Trained(folder, one.train, one.export)


def test_gistnet_is_trained_exported_and_read_again(trained: Trained) -> None:
    assert json.loads(trained.train.stdout)["step"] == 2, trained.train.exception
    assert "behind_tail_4x" in json.loads(trained.export.stdout)
    model = load_folder(BASE)
    identity = identify_base(model.module, model.name, model.tokenizer.fingerprint)
    config = load_gistnet(BASE, identity).config
    # Layers without positions stay so: SmolLM3 has one in four.
    layers = model.module.model.layers[:2]
    assert config.rotary_layers == tuple(
        bool(getattr(layer.self_attn, "use_rope", True)) for layer in layers
    )


@pytest.mark.parametrize("kind", ["qwen2", "smollm3"])
def test_less_memory_means_the_same_gradients(base_folders: dict[str, Path], kind: str) -> None:
    rows = torch.randint(0, 300, (2, 256), generator=torch.Generator().manual_seed(0)).numpy()
    slopes = []
    for change in ({}, {"recompute": True}, {"base_precision": "bfloat16"}):
        values = gist_values(base_folders[kind], **change)
        learner = build_learner(GistRunSettings.model_validate(values), base_folders[kind]).train()
        add_gradients(learner, rows, Moment(0, 0.5), 1.0)
        found = [p.grad for p in learner.gistnet.parameters() if p.grad is not None]
        slopes.append(torch.cat([slope.flatten() for slope in found]))
    torch.testing.assert_close(slopes[1], slopes[0])
    assert torch.nn.functional.cosine_similarity(slopes[2], slopes[0], dim=0) > 0.9


def test_gistnet_is_measured(trained: Trained) -> None:
    options = ("--packed", "runs/gists/data/tiny", "--windows", "2", "--out", "reports")
    told = call(evaluate.app, "gist", "--model", BASE, *options, "--no-ceiling")
    assert told.exit_code == 0, told.exception
    assert set(json.loads(told.stdout)["cgr"]) == {"16", "64", "128"}
    assert list(Path("reports").glob("gist_*.md"))


def changed_weights() -> str:
    model = load_folder(BASE)
    with torch.no_grad():
        model.module.model.norm.weight.mul_(1.5)
    model.module.save_pretrained(BASE)
    return "weights"


def changed_tokenizer() -> str:
    file = BASE / "tokenizer.json"
    definition = json.loads(file.read_text())
    definition["added_tokens"].pop()
    file.write_text(json.dumps(definition))
    return "tokenizer"


def changed_width() -> str:
    model = load_folder(BASE)
    config = model.module.config
    config.hidden_size, config.intermediate_size = 64, 128
    type(model.module)(config).save_pretrained(BASE)
    return "width"


@pytest.mark.parametrize("change", [changed_weights, changed_tokenizer, changed_width])
def test_a_gistnet_of_another_base_is_refused_with_the_reason(
    trained: Trained, corpus: Path, change: Callable[[], str]
) -> None:
    reason = change()
    values = gist_values(name="next", encoder={"layers": 2, "start": str(BASE)})
    refused = gist_command(corpus, values)
    assert refused.exit_code
    assert f"whose {reason} (" in str(refused.exception)


def test_a_checkpoint_of_another_base_is_not_gone_on_from(trained: Trained, corpus: Path) -> None:
    newest = Checkpoints(Path("runs") / "gists" / "checkpoints").latest()
    assert newest is not None
    assert {"base", "data", "commit"} <= set(read_state(newest).provenance)
    changed_weights()
    refused = gist_command(corpus, gist_values())
    assert "the base was another one" in str(refused.exception)


def test_middles_need_a_base_that_fills_in(
    base_folders: dict[str, Path], corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blend = [{"corpus": "tiny", "middles": 0.3}]
    done = gist_command(corpus, gist_values(base_folders["qwen2"], data=blend))
    assert json.loads(done.stdout)["step"] == 2
    values = gist_values(base_folders["smollm3"], data=blend, name="other")
    assert "set middles to 0" in str(gist_command(corpus, values).exception)


def test_lensnet_is_trained_on_snapshots_of_the_base(trained: Trained, corpus: Path) -> None:
    packages = {"packages": [package("zz_alpha"), package("zz_beta")]}
    whole = {"name": "tiny", **packages, "held_out": [package("zz_gamma")]}
    (trained.folder / "tiny.yaml").write_text(yaml.safe_dump(whole))
    snapshots = {
        "name": "snapshots",
        "corpus": "tiny.yaml",
        "split": "train",
        "repositories": ["zz_alpha", "zz_beta"],
        "snapshots": 6,
        "places": {"tail": 16, "targets": 16, "need_share": 0},
        "draw": {"entries": [2, 5], "budget": [300, 900], "longest": 32},
    }
    (trained.folder / "snapshots.yaml").write_text(yaml.safe_dump(snapshots))
    kept = Path(shutil.copytree(corpus / "wheels", trained.folder / "data" / "wheels")).parent
    made = call(
        data.app,
        "lens",
        "--config",
        trained.folder / "snapshots.yaml",
        "--model",
        BASE,
        "--data",
        kept,
    )
    assert json.loads(made.stdout)["snapshots"] == 6, made.exception
    values = {
        "name": "lens",
        "dataset": "snapshots",
        "lens": {"width": 16, "heads": 2},
        "schedule": {"warmup_steps": 1, "total_steps": 3},
        "batch": {"windows": 2},
        "validation_share": 0.5,
        "device": "cpu",
        "threads": 1,
    }
    (trained.folder / "lens.yaml").write_text(yaml.safe_dump(values))
    places = [
        "--config",
        trained.folder / "lens.yaml",
        "--data",
        kept,
        "--runs",
        trained.folder / "runs",
    ]
    assert json.loads(call(train.app, "lensnet", *places).stdout)["step"] == 3
    exported = call(train.app, "lensnet", *places, "--export", BASE)
    assert exported.exit_code == 0, exported.exception
    model = load_folder(BASE)
    identity = identify_base(model.module, model.name, model.tokenizer.fingerprint)
    card = json.loads((BASE / "lensnet.json").read_text())["config"]
    made_for = {"base_id": identity.base_id, "gist_width": identity.width}
    made_for |= {"encoder_id": encoder_id(load_gistnet(BASE, identity))}
    given = {**made_for, "feature_names": card["feature_names"]}
    assert load_lensnet(BASE, **given).config.query_positions == card["query_positions"]
    for what, other in (("base_id", "b"), ("encoder_id", "e"), ("gist_width", 7)):
        with pytest.raises(ModelFilesError, match=str(made_for[what])):
            load_lensnet(BASE, **{**given, what: other})
