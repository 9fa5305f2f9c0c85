"""Settings for other bases: what fits, what does not, and what training will take."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch.autograd.graph import saved_tensors_hooks
from transformers import AutoConfig
from typer.testing import CliRunner, Result

from megacontext.agent.commands import train
from megacontext.configs.errors import (
    ModelChoiceError,
    ModelError,
    ModelFilesError,
    SettingsError,
    TrainingError,
)
from megacontext.models.gist.initial import initial_gistnet
from megacontext.models.training.corpus.settings import read_yaml
from megacontext.models.training.gist.learner import GistLearner
from megacontext.models.training.gist.settings import GistRunSettings, TermSettings, ViewSettings
from megacontext.models.training.lens.settings import LensRunSettings
from megacontext.models.training.porting.estimate import (
    Numbers,
    Plan,
    flops_of,
    kept_bytes,
    measured_flops,
    memory_of,
    teacher_bytes,
)
from megacontext.models.training.porting.fit import examine, find_base, other_device, short_name
from megacontext.models.training.settings import LoopSettings, RunSettings
from megacontext.models.training.task import Moment
from tests.models.gist_bases import base_lm, identity

pytestmark = pytest.mark.portability

ROOT = Path(__file__).parents[3]
RUNS = sorted((ROOT / "configs" / "runs").glob("*.yaml"))
KINDS: dict[str, type[LoopSettings]] = {
    "gistnet": GistRunSettings,
    "lensnet": LensRunSettings,
    "pocket": RunSettings,
}
GPU = other_device(141, 700)


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(train.app, ["port", *map(str, arguments)])


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_every_shipped_run_has_valid_settings_under_its_own_name(path: Path) -> None:
    settings = read_yaml(path, KINDS[path.stem.partition("_")[0]])
    assert settings.name == path.stem


@pytest.mark.parametrize("name", ["qwen25_coder3b", "qwen25_coder32b", "smollm3"])
def test_the_shipped_settings_are_what_port_writes(name: str, tmp_path: Path) -> None:
    shipped = ROOT / "configs" / "runs" / f"gistnet_{name}.yaml"
    base = Path(yaml.safe_load(shipped.read_text())["base"]["folder"]).name
    gpu = ("--memory-gb", "141", "--tflops", "700")
    written = call("--base", base, "--name", name, "--out", tmp_path, *gpu)
    assert written.exit_code == 0, written.exception
    for kind in ("gistnet", "lensnet"):
        file = f"{kind}_{name}.yaml"
        assert (tmp_path / file).read_text() == (ROOT / "configs" / "runs" / file).read_text()


@pytest.mark.parametrize("kind", ["qwen2", "smollm3"])
def test_a_folder_without_weights_is_enough(
    write_model: Callable[..., Path], corpus: Path, tmp_path: Path, kind: str
) -> None:
    folder = write_model(tmp_path / "My Base", kind)
    (folder / "model.safetensors").unlink()
    places = ("--data", corpus, "--corpus", "tiny", "--out", tmp_path / "runs")
    done = call("--base", folder, *places, "--tokens", "1", "--json")
    found = json.loads(done.stdout)
    assert found["fits"]
    assert found["own_markers"]
    assert found["corpus_tokens"] > 1000
    gists, lens = map(Path, found["written"])
    assert (gists.stem, lens.stem) == ("gistnet_my_base", "lensnet_my_base")
    settings = read_yaml(gists, GistRunSettings)
    assert settings.base.folder == str(folder)
    assert settings.seq_len == 2048
    # A corpus this small is read many times over, so that what the base says of it is kept.
    assert settings.teacher.top == 64
    assert read_yaml(lens, LensRunSettings).dataset == "lens_my_base"


def test_a_person_is_told_what_was_found(write_model: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_model(tmp_path / "base", "smollm3")
    definition = json.loads((folder / "tokenizer.json").read_text())
    definition["added_tokens"] = []
    (folder / "tokenizer.json").write_text(json.dumps(definition))
    gpu = ("--memory-gb", "0.1", "--tflops", "1")
    done = call("--base", folder, "--out", tmp_path, "--data", tmp_path, *gpu)
    assert "plain lines, for it has no tokens for them" in done.stdout
    assert "keep middles at 0" in done.stdout
    assert "no token for padding" in done.stdout
    assert "data prepare --config configs/data/python_permissive.yaml" in done.stdout
    assert "it does not fit" in done.stdout


def changed(folder: Path, file: str, change: Callable[[dict[str, Any]], None]) -> Path:
    content = json.loads((folder / file).read_text())
    change(content)
    (folder / file).write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("file", "change", "error", "told"),
    [
        ("config.json", lambda c: c.update(vocab_size=20), TrainingError, "the base 20"),
        ("config.json", lambda c: c.update(hidden_act="gelu"), ModelError, "than silu"),
        ("config.json", lambda c: c.update(model_type="none"), ModelFilesError, "config.json"),
        (
            "tokenizer.json",
            lambda c: c.update(normalizer={"type": "Lowercase"}),
            TrainingError,
            "1 of 1 documents other than",
        ),
        ("tokenizer.json", lambda c: c.pop("model"), ModelFilesError, "tokenizer"),
    ],
)
def test_a_base_that_does_not_fit_is_refused_with_the_reason(
    write_model: Callable[..., Path],
    tmp_path: Path,
    file: str,
    change: Callable[[dict[str, Any]], None],
    error: type[Exception],
    told: str,
) -> None:
    folder = changed(write_model(tmp_path / "base", "qwen2"), file, change)
    with pytest.raises(error, match=told):
        examine(find_base(str(folder)), "none", tmp_path, GPU)


@pytest.mark.parametrize("kind", ["qwen3_moe"])
def test_layers_of_another_kind_are_refused(
    write_model: Callable[..., Path], tmp_path: Path, kind: str
) -> None:
    with pytest.raises(ModelError, match="no dense attention"):
        examine(find_base(str(write_model(tmp_path / "base", kind))), "none", tmp_path, GPU)


def test_queries_with_norms_are_refused(tmp_path: Path) -> None:
    config = AutoConfig.for_model(
        "qwen3",
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        vocab_size=99,
    )
    config.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="layers of another kind"):
        examine(find_base(str(tmp_path)), "none", tmp_path, GPU)


def test_names_and_misuse(tmp_path: Path) -> None:
    assert short_name("Qwen2.5-Coder 3B") == "qwen2_5_coder_3b"
    with pytest.raises(ModelChoiceError, match="smollm3-3b"):
        find_base("no-such-model")
    (tmp_path / "gistnet_smollm3_3b.yaml").write_text("mine")
    gpu = ("--memory-gb", "141", "--tflops", "700")
    refused = call("--base", "smollm3-3b", "--out", tmp_path, *gpu)
    assert isinstance(refused.exception, SettingsError)
    assert "--force" in str(refused.exception)
    assert (tmp_path / "gistnet_smollm3_3b.yaml").read_text() == "mine"
    half = call("--base", "smollm3-3b", "--out", tmp_path / "other", "--tflops", "3")
    assert "both or neither" in str(half.exception)


@pytest.mark.parametrize(
    ("kind", "width", "inner", "kv_heads", "layers", "tokens", "dtype"),
    [
        ("qwen2", 256, 768, 2, 4, 520, torch.bfloat16),
        ("smollm3", 128, 512, 4, 6, 520, torch.bfloat16),
        ("qwen2", 256, 512, 1, 4, 1032, torch.float32),
    ],
)
def test_memory_is_estimated_near_what_is_kept(
    kind: str,
    width: int,
    inner: int,
    kv_heads: int,
    layers: int,
    tokens: int,
    dtype: torch.dtype,
) -> None:
    sizes = {"hidden_size": width, "intermediate_size": inner, "num_hidden_layers": layers}
    base = base_lm(kind, **sizes, num_key_value_heads=kv_heads, max_position_embeddings=4096)
    gistnet = initial_gistnet(base, identity(base), layers=2)
    view = ViewSettings(segments=(4,), ragged=0.0, slots=(8,))
    learner = GistLearner(
        base.to(dtype), gistnet, view, TermSettings(), pad=-1, seed=0, train_base=False
    ).train()
    own = {parameter.untyped_storage().data_ptr() for parameter in learner.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    rows = torch.randint(3, 90, (1, tokens)).numpy()
    with saved_tensors_hooks(keep, lambda tensor: tensor), torch.autocast("cpu", torch.bfloat16):
        learner.loss(rows, Moment(0, 1.0))
    measured = sum(
        tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in own
    )
    numbers = Numbers(layers, width, inner, width // 4 * kv_heads, 96, 0, 0, 0, 2)
    plan = Plan(tokens, 1, base_bytes=dtype.itemsize)
    assert kept_bytes(numbers, plan) == pytest.approx(measured, rel=0.25)


def test_what_costs_more_is_told_to_cost_more() -> None:
    numbers = Numbers(36, 2048, 11_008, 256, 151_936, 3_085_938_688, 2_774_771_712, 312_502_272, 4)
    plan = Plan(2048, 8)
    again = Plan(2048, 8, recompute=True)
    assert memory_of(numbers, again).total < memory_of(numbers, plan).total / 3
    assert 1.2 < flops_of(numbers, again) / flops_of(numbers, plan) < 1.5
    assert 6.1e9 < memory_of(numbers, plan).base < 6.3e9
    assert teacher_bytes(numbers, 64, 1) == 64 * 6 + 2


def test_this_machines_rate_is_measured() -> None:
    assert measured_flops(torch.device("cpu"), 0.02) > 1e8
