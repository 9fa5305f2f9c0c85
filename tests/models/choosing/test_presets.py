"""Presets tell the truth about their sizes, and a wrong file names its key."""

import json

import pytest

from megacontext.configs.errors import ModelChoiceError, SettingsError
from megacontext.models.choosing.choose import pocket_folder
from megacontext.models.choosing.presets import Preset, Shape, preset, presets, read_preset
from tests.models.conftest import tiny_module

WHOLE = """
name: x
hub_id: a/x
rank: 1
licence: mit
parameters: 1000
context_length: 32
precisions: [float32]
fim: true
chat: false
sampling: {}
shape: {architecture: qwen2, vocabulary: 8, hidden_size: 4, intermediate_size: 8, layers: 1,
        heads: 2, kv_heads: 1, head_dim: 2, tied_embeddings: true}
"""


@pytest.mark.parametrize("each", presets(), ids=lambda each: each.name)
def test_the_published_count_is_that_of_the_shape(each: Preset):
    assert each.shape.parameters == pytest.approx(each.parameters, rel=0.02)
    if each.active_parameters:
        assert each.shape.active_parameters == pytest.approx(each.active_parameters, rel=0.02)


def test_the_family_is_complete_and_best_first():
    names = [each.name for each in presets()]
    sizes = ("0.5b", "1.5b", "3b", "7b", "14b", "32b")
    expected = {f"qwen2.5-coder-{size}-instruct" for size in sizes}
    expected |= {"qwen3-coder-30b-a3b-instruct", "smollm3-3b"}
    assert expected <= set(names)
    assert [each.rank for each in presets()] == sorted({each.rank for each in presets()})[::-1]


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("qwen2", {}),
        ("smollm3", {}),
        ("qwen3_moe", {"intermediate_size": 16, "experts": 4, "active_experts": 2}),
    ],
)
@pytest.mark.parametrize("tied", [True, False])
def test_the_shape_counts_as_the_real_architecture_does(kind, more, tied):
    module = tiny_module(kind)
    shape = Shape(
        architecture=kind,
        vocabulary=400,
        hidden_size=32,
        layers=4,
        heads=4,
        kv_heads=2,
        head_dim=8,
        tied_embeddings=tied,
        **{"intermediate_size": 64, **more},
    )
    real = sum(weight.numel() for weight in module.parameters())
    assert shape.parameters == real + (0 if tied else 400 * 32)


def test_memory_is_weights_cache_and_workspace():
    seven = preset("qwen2.5-coder-7b-instruct")
    assert seven.memory("float32", 0) - seven.memory("bfloat16", 0) == 2 * seven.shape.parameters
    # 28 layers × 4 heads × 128 numbers × 2 (keys and values) × 2 bytes
    assert seven.memory("bfloat16", 1) - seven.memory("bfloat16", 0) == 57_344
    assert 17e9 < seven.memory("bfloat16", 32_768) < 18e9


def test_an_unknown_name_is_told_those_there_are():
    with pytest.raises(ModelChoiceError, match=r"'qwen'; choose one of .*smollm3-3b"):
        preset("qwen")


def test_a_whole_file_reads():
    assert read_preset(WHOLE, "x.yaml").shape.kv_numbers == 4


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("rank: 1", "rank: best", r"x\.yaml: rank: .*integer.*'best'"),
        ("chat: false", "chat: false\nchatt: true", r"x\.yaml: chatt: Extra inputs"),
        ("architecture: qwen2", "architecture: gpt", r"shape\.architecture: .*'qwen2'.*'gpt'"),
        ("kv_heads: 1", "kv_heads: 3", r"heads 2 must be a multiple of kv_heads 3"),
        ("layers: 1", "layers: 0", r"shape\.layers: .*greater than 0.*0"),
        ("precisions: [float32]", "precisions: [int3]", r"precisions\.0: .*'int3'"),
        (WHOLE, "", r"the file: .*"),
        (WHOLE, "a: [", r"x\.yaml is no YAML"),
    ],
)
def test_a_wrong_file_names_key_value_and_what_is_allowed(old, new, words):
    with pytest.raises(SettingsError, match=words):
        read_preset(WHOLE.replace(old, new), "x.yaml")


@pytest.mark.skipif(not (pocket_folder() / "config.json").is_file(), reason="not shipped here")
def test_pocket_is_what_its_preset_says():
    config = json.loads((pocket_folder() / "config.json").read_text())
    shape = preset("pocket").shape
    assert config["model_type"] == shape.architecture
    assert config["vocab_size"] == shape.vocabulary
    assert config["hidden_size"] == shape.hidden_size
    assert config["intermediate_size"] == shape.intermediate_size
    assert config["num_hidden_layers"] == shape.layers
    assert config["num_attention_heads"] == shape.heads
    assert config["num_key_value_heads"] == shape.kv_heads
    assert config["tie_word_embeddings"] == shape.tied_embeddings
    assert config["max_position_embeddings"] == preset("pocket").context_length
