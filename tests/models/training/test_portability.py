"""The same commands on bases of other families, with other tokenizers, and what does not fit is refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from typer.testing import CliRunner, Result

from megacontext.agent.commands import train
from megacontext.models.gist.base_identity import identify_base
from megacontext.models.gist.files import load_gistnet
from megacontext.models.language.loading import load_folder
from megacontext.models.training.checkpoint import Checkpoints, read_state
from megacontext.models.training.gist.settings import GistRunSettings
from megacontext.models.training.gist.task import build_learner
from megacontext.models.training.task import Moment
from megacontext.models.training.workers import add_gradients

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


@pytest.fixture(params=["qwen2", "smollm3"])
def base(request: pytest.FixtureRequest, base_folders: dict[str, Path], tmp_path: Path) -> Path:
    """A copy, which a test may change."""
    return Path(shutil.copytree(base_folders[request.param], tmp_path / str(request.param)))


def gist_values(base: Path, **changes: Any) -> dict[str, Any]:
    return {
        "name": "gists",
        "base": {"folder": str(base)},
        "data": [{"corpus": "tiny"}],
        "seq_len": 256,
        "encoder": {"layers": 2},
        "view": {"segments": [2], "slots": [8, 1]},
        "schedule": {"warmup_steps": 1, "total_steps": 2},
        "batch": {"windows": 2},
        "evaluation": {"every_steps": 2, "windows": 2},
        "device": "cpu",
        "threads": 1,
        **changes,
    }


def gist_command(folder: Path, corpus: Path, values: dict[str, Any], *more: str) -> Result:
    config = folder / f"{values['name']}.yaml"
    config.write_text(yaml.safe_dump(values))
    places = ["--data", str(corpus), "--runs", str(folder / "runs")]
    return CliRunner().invoke(
        train.app, ["gistnet", "--config", str(config), *places, "--json", *more]
    )


def test_gistnet_is_trained_exported_and_read_again(
    base: Path, corpus: Path, tmp_path: Path
) -> None:
    values = gist_values(base, teacher={"top": 8}, terms={"importance": 0.5})
    trained = gist_command(tmp_path, corpus, values)
    assert json.loads(trained.stdout)["step"] == 2, trained.exception
    exported = gist_command(tmp_path, corpus, values, "--export", str(base), "--force")
    assert "behind_tail_4x" in json.loads(exported.stdout)
    model = load_folder(base)
    identity = identify_base(model.module, model.name, model.tokenizer.fingerprint)
    assert load_gistnet(base, identity).config.layers == 2
    # Layers without positions stay so: SmolLM3 has one in four.
    rotary = load_gistnet(base, identity).config.rotary_layers
    layers = model.module.model.layers[:2]
    assert rotary == tuple(getattr(layer.self_attn, "use_rope", True) for layer in layers)


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


def changed_weights(base: Path) -> str:
    model = load_folder(base)
    with torch.no_grad():
        model.module.model.norm.weight.mul_(1.5)
    model.module.save_pretrained(base)
    return "weights"


def changed_tokenizer(base: Path) -> str:
    file = base / "tokenizer.json"
    definition = json.loads(file.read_text())
    definition["added_tokens"].pop()
    file.write_text(json.dumps(definition))
    return "tokenizer"


def changed_width(base: Path) -> str:
    model = load_folder(base)
    config = model.module.config
    config.hidden_size, config.intermediate_size = 64, 128
    type(model.module)(config).save_pretrained(base)
    return "width"


@pytest.mark.parametrize("change", [changed_weights, changed_tokenizer, changed_width])
def test_a_gistnet_of_another_base_is_refused_with_the_reason(
    base: Path, corpus: Path, tmp_path: Path, change: Callable[[Path], str]
) -> None:
    gist_command(tmp_path, corpus, gist_values(base))
    trained = tmp_path / "gistnet"
    gist_command(tmp_path, corpus, gist_values(base), "--export", str(trained), "--force")
    reason = change(base)
    start = {"layers": 2, "start": str(trained)}
    refused = gist_command(tmp_path, corpus, gist_values(base, name="next", encoder=start))
    assert refused.exit_code
    assert f"whose {reason} (" in str(refused.exception)


def test_a_checkpoint_of_another_base_is_not_gone_on_from(
    base: Path, corpus: Path, tmp_path: Path
) -> None:
    gist_command(tmp_path, corpus, gist_values(base))
    newest = Checkpoints(tmp_path / "runs" / "gists" / "checkpoints").latest()
    assert newest is not None
    assert {"base", "data", "commit"} <= set(read_state(newest).provenance)
    changed_weights(base)
    refused = gist_command(tmp_path, corpus, gist_values(base))
    assert "the base was another one" in str(refused.exception)


def test_middles_need_a_base_that_fills_in(
    base_folders: dict[str, Path], corpus: Path, tmp_path: Path
) -> None:
    data = [{"corpus": "tiny", "middles": 0.3}]
    done = gist_command(tmp_path, corpus, gist_values(base_folders["qwen2"], data=data))
    assert json.loads(done.stdout)["step"] == 2
    values = gist_values(base_folders["smollm3"], data=data, name="other")
    assert "set middles to 0" in str(gist_command(tmp_path, corpus, values).exception)
