"""A model folder loads quietly, or one sentence names the file and the mend."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from megacontext.configs.errors import ModelFilesError
from megacontext.models.base import Sampling
from megacontext.models.choosing.choose import Choice
from megacontext.models.language.loading import download, load_folder, load_model
from tests.models.conftest import KINDS, SPECIALS


@pytest.fixture(scope="module")
def whole(write_model, tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "model")


def edit_weights(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def edit_config(folder, **values):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))


@pytest.mark.parametrize("kind", KINDS)
def test_it_loads_and_answers(tiny_models, kind):
    model = tiny_models(kind)
    assert model.name.startswith(kind)
    assert (model.context_length, model.hidden_size) == (2048, 32)
    assert model.supports_fim
    assert model.supports_chat
    assert model.specials.known() <= set(range(400 - len(SPECIALS), 400))
    assert model.decode(model.encode("def f():")) == "def f():"
    assert list(model.generate("def", Sampling(max_new_tokens=3)))[-1].positions >= 1


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_choice_decides_name_and_precision(folder, precision):
    choice = Choice("mine", "cpu", precision, folder)
    model = load_model(choice)
    assert (model.name, model.dtype) == ("mine", getattr(torch, precision))
    assert list(model.generate("x", Sampling(max_new_tokens=2)))[-1].generated >= 1


def test_it_prints_nothing(folder, capfd):
    load_folder(folder)
    assert capfd.readouterr() == ("", "")


def test_shards_load(folder):
    tensors = load_file(folder / "model.safetensors")
    names = sorted(tensors)
    shards = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, keys in shards.items():
        save_file({k: tensors[k] for k in keys}, folder / file, metadata={"format": "pt"})
    weight_map = {key: file for file, keys in shards.items() for key in keys}
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model.safetensors").unlink()
    assert load_folder(folder).encode("x")
    (folder / "b.safetensors").unlink()
    with pytest.raises(ModelFilesError, match=r"b\.safetensors is missing"):
        load_folder(folder)
    weight_map["x"] = "../b.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelFilesError, match="outside its folder"):
        load_folder(folder)


FAULTS = {
    "no folder": (shutil.rmtree, "there is no model folder"),
    "no config": (lambda f: (f / "config.json").unlink(), r"config\.json is missing"),
    "config no json": (lambda f: (f / "config.json").write_text("{"), r"config\.json is not read"),
    "config a list": (lambda f: (f / "config.json").write_text("[1]"), r"holds no JSON object"),
    "unknown kind": (lambda f: edit_config(f, model_type="nonesuch"), r"config\.json cannot be"),
    "own code": (
        lambda f: edit_config(
            f, model_type="own", auto_map={"AutoConfig": "x.C", "AutoModelForCausalLM": "x.M"}
        ),
        r"config\.json cannot be",
    ),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), r"tokenizer\.json is missing"),
    "bad tokenizer": (
        lambda f: (f / "tokenizer.json").write_text("{}"),
        r"tokenizer\.json is no tokenizer",
    ),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), r"model\.safetensors is missing"),
    "pickled weights": (
        lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"),
        r"pytorch_model\.bin is the only weights file and may run code",
    ),
    "cut weights": (
        lambda f: (f / "model.safetensors").write_bytes(
            (f / "model.safetensors").read_bytes()[:-9]
        ),
        r"model\.safetensors has [\d,]+ bytes where its header tells of",
    ),
    "empty weights": (
        lambda f: (f / "model.safetensors").write_bytes(b""),
        r"is no safetensors file",
    ),
    "huge header": (
        lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 64),
        r"is no safetensors file",
    ),
    "a tensor missing": (
        lambda f: edit_weights(f, lambda t: t.pop("model.layers.1.mlp.up_proj.weight")),
        r"lack model\.layers\.1\.mlp\.up_proj\.weight; download",
    ),
    "another shape": (
        lambda f: edit_weights(f, lambda t: t.update({"model.norm.weight": torch.ones(33)})),
        r"have another shape than config\.json says for model\.norm\.weight",
    ),
    "fewer layers than weights": (
        lambda f: edit_config(f, num_hidden_layers=3, layer_types=["full_attention"] * 3),
        r"hold what config\.json has no place for: model\.layers\.3\..* and \d+ more",
    ),
    "fewer rows than tokens": (
        lambda f: (
            edit_config(f, vocab_size=390),
            edit_weights(
                f,
                lambda t: t.update(
                    {"model.embed_tokens.weight": t["model.embed_tokens.weight"][:390].clone()}
                ),
            ),
        ),
        r"tokenizer\.json has 400 tokens and the weights 390",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence_with_the_file_and_the_mend(folder, fault, capfd):
    damage, words = FAULTS[fault]
    damage(folder)
    with pytest.raises(ModelFilesError, match=words) as caught:
        load_folder(folder)
    message = str(caught.value)
    assert str(folder) in message
    assert "\n" not in message
    assert ";" in message, "a mend follows the cause"
    assert capfd.readouterr() == ("", "")


def test_code_beside_the_weights_is_never_run(folder):
    (folder / "x.py").write_text("raise SystemExit('ran')")
    edit_config(folder, auto_map={"AutoModelForCausalLM": "x.M"})
    assert load_folder(folder).encode("x")


def test_a_failed_download_names_the_model(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelFilesError, match="nobody/nothing could not be downloaded"):
        download("nobody/nothing")
