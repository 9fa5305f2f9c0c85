import json

import pytest
import torch

from megacontext.configs.errors import ModelFilesError
from megacontext.models.gist.files import encoder_id, has_gistnet, load_gistnet, save_gistnet
from megacontext.models.gist.initial import initial_gistnet
from tests.models.gist_bases import base_lm, identity


@pytest.fixture(scope="module")
def model():
    return base_lm()


@pytest.fixture
def gistnet(model):
    return initial_gistnet(model, identity(model), seed=3)


@pytest.fixture
def folder(tmp_path, gistnet):
    save_gistnet(gistnet, tmp_path / "pocket")
    return tmp_path / "pocket"


def _refusal(folder, base) -> str:
    with pytest.raises(ModelFilesError) as caught:
        load_gistnet(folder, base)
    return str(caught.value)


def test_what_is_saved_is_what_is_loaded(folder, gistnet, model):
    loaded = load_gistnet(folder, identity(model))
    assert loaded.config == gistnet.config
    weights = gistnet.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in loaded.state_dict().items())
    assert encoder_id(loaded) == encoder_id(gistnet)
    assert sorted(path.name for path in folder.iterdir()) == ["gistnet.json", "gistnet.safetensors"]
    assert has_gistnet(folder)
    assert not has_gistnet(folder.parent)


def test_the_encoders_id_is_the_same_in_every_precision_and_for_every_name(folder, model):
    half = load_gistnet(folder, identity(model, "other name"), dtype=torch.bfloat16)
    assert half.queries.dtype == torch.bfloat16
    assert encoder_id(half) == encoder_id(load_gistnet(folder, identity(model)))


def test_the_encoders_id_tells_weights_seeds_and_bases_apart(model, gistnet):
    ids = {encoder_id(gistnet)}
    with torch.no_grad():
        gistnet.up.weight[0, 0] = 1.0
    ids.add(encoder_id(gistnet))
    ids.add(encoder_id(initial_gistnet(model, identity(model), seed=4)))
    ids.add(encoder_id(initial_gistnet(model, identity(model, tokenizer="t2"), seed=3)))
    assert len(ids) == 4


def test_a_base_is_the_same_in_every_precision_and_another_after_training():
    base = identity(base_lm())
    assert identity(base_lm().bfloat16()) == base
    assert identity(base_lm(), name="other").base_id == base.base_id
    trained = base_lm()
    with torch.no_grad():
        trained.model.layers[4].mlp.down_proj.weight.add_(0.01)
    assert len({base.base_id, identity(trained).base_id, identity(base_lm(seed=1)).base_id}) == 3


@pytest.mark.parametrize(
    ("what", "other"),
    [
        ("width", lambda: identity(base_lm(hidden_size=64), "other")),
        ("weights", lambda: identity(base_lm(seed=9), "other")),
        ("tokenizer", lambda: identity(base_lm(), "other", tokenizer="t2")),
    ],
)
def test_a_base_it_was_not_made_for_is_refused_with_the_reason(folder, what, other):
    refusal = _refusal(folder, other())
    for part in [str(folder), "made for tiny", f"whose {what} (", "differs from that of other"]:
        assert part in refusal


def test_missing_and_damaged_files_are_named(folder, model):
    weights, card = folder / "gistnet.safetensors", folder / "gistnet.json"
    whole, base = weights.read_bytes(), identity(model)
    for damaged in (whole[: len(whole) // 2], b"", b"\xff" * 100):
        weights.write_bytes(damaged)
        assert str(weights) in _refusal(folder, base)
    weights.unlink()
    assert str(weights) in _refusal(folder, base)
    card.write_text("{")
    assert f"{card} is no GistNet of this version" in _refusal(folder, base)
    card.unlink()
    assert f"{card} cannot be read" in _refusal(folder, base)


def test_a_card_with_wrong_content_names_the_key(folder, model):
    card = folder / "gistnet.json"
    content = json.loads(card.read_text())
    content["config"]["version"] = 2
    card.write_text(json.dumps(content))
    assert "config.version" in _refusal(folder, identity(model))


def test_flipped_and_swapped_weights_are_found(folder, model, tmp_path):
    weights = folder / "gistnet.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 0x40
    weights.write_bytes(data)
    assert "does not belong" in _refusal(folder, identity(model))
    other = initial_gistnet(model, identity(model), seed=8)
    save_gistnet(other, tmp_path / "other")
    weights.write_bytes((tmp_path / "other" / "gistnet.safetensors").read_bytes())
    assert "does not belong" in _refusal(folder, identity(model))
    one_layer = initial_gistnet(model, identity(model), layers=1)
    save_gistnet(one_layer, tmp_path / "one")
    weights.write_bytes((tmp_path / "one" / "gistnet.safetensors").read_bytes())
    assert "other sizes" in _refusal(folder, identity(model))


def test_saving_again_replaces_both_files(folder, model):
    newer = initial_gistnet(model, identity(model), seed=8)
    save_gistnet(newer, folder)
    assert encoder_id(load_gistnet(folder, identity(model))) == encoder_id(newer)
