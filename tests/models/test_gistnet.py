import copy
import importlib.util
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from transformers import Qwen3Config, Qwen3ForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

from megacontext.configs.errors import ModelError
from megacontext.models.gist.initial import embedding_rms, initial_gistnet
from megacontext.models.gist.layers import Stream
from megacontext.models.gistnet import GistNet, anchor_positions
from tests.models.gist_bases import SIZES, VOCABULARY, base_lm, identity

KINDS = ["qwen2", "smollm3"]
D = SIZES["hidden_size"]


def built(model, **options) -> GistNet:
    return initial_gistnet(model, identity(model), **options).eval()


def awake(gistnet: GistNet) -> GistNet:
    """The same network as if trained a little: its residual is no longer zero."""
    with torch.no_grad():
        gistnet.up.weight.normal_(std=0.5, generator=torch.Generator().manual_seed(5))
    return gistnet


def some_blocks(rows: int = 6, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    blocks = torch.randn(rows, 32, D, generator=random) * 0.02
    return blocks, torch.tensor([32, 31, 17, 8, 2, 1][:rows])


@pytest.fixture(scope="module", params=KINDS)
def model(request):
    return base_lm(request.param)


@pytest.fixture(scope="module")
def trained(model) -> GistNet:
    return awake(built(model, layers=4))


# --- where it starts ----------------------------------------------------------------------------


def test_anchors_halve_the_block_in_nested_order():
    assert anchor_positions(32, 8) == [31, 15, 23, 7, 27, 19, 11, 3]
    assert anchor_positions(4, 4) == [3, 1, 2, 0]


def test_a_fresh_gist_is_the_tokens_at_the_anchors_at_the_embeddings_rms(model):
    gistnet = built(model)
    rms = embedding_rms(model.get_input_embeddings().weight)
    ids = torch.randint(3, VOCABULARY, (2, 32), generator=torch.Generator().manual_seed(2))
    blocks = model.get_input_embeddings()(ids)
    with torch.no_grad():
        gists = gistnet(blocks, torch.tensor([32, 4]))
    for row, positions in enumerate([[31, 15, 23, 7, 27, 19, 11, 3], [3, 1, 2, 0, 3, 2, 1, 0]]):
        tokens = blocks[row, positions]
        cosine = torch.cosine_similarity(gists[row], tokens, dim=-1)
        assert torch.allclose(cosine, torch.ones(8), atol=1e-5)
    assert torch.allclose(gists.square().mean(-1).sqrt(), torch.tensor(rms), rtol=1e-4)


@pytest.mark.parametrize("index", [0, 3])
def test_its_layers_compute_what_the_base_layers_compute_without_the_causal_mask(model, index):
    gistnet = built(model, layers=5)
    states, _ = some_blocks()
    all_seen = torch.zeros(len(states), 1, 32, 32)
    positions = model.model.rotary_emb(states, torch.arange(32)[None])
    stream = Stream(states, (gistnet.cosines, gistnet.sines))
    with torch.no_grad():
        theirs = model.model.layers[index](states, all_seen, position_embeddings=positions)
        ours = gistnet.layers[index](stream, stream, torch.ones(1, 1, 1, 32, dtype=torch.bool))
    assert torch.allclose(ours, theirs, atol=1e-4)
    assert (ours - states).abs().mean() > 0.05


def test_smollm3_layers_without_positions_keep_none():
    assert built(base_lm("smollm3"), layers=4).config.rotary_layers == (True, True, True, False)


def test_the_base_is_only_read(model):
    before = copy.deepcopy(model.state_dict())
    gistnet = awake(built(model))
    gistnet(*some_blocks()).square().sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(parameter.grad is not None for parameter in model.parameters())


def test_equal_seeds_give_equal_weights_and_leave_the_global_random_state_alone(model):
    torch.manual_seed(7)
    state = torch.get_rng_state()
    first, again, other = (built(model, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["down.weight"], other["down.weight"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_base_in_any_precision_makes_the_same_shapes(dtype):
    model = base_lm().to(dtype)
    gistnet = built(model).to(dtype)
    gists = gistnet(*some_blocks())
    assert gists.shape == (6, 8, D)
    assert gists.dtype == dtype
    assert gists.isfinite().all()


def test_bfloat16_stays_close_to_float32(trained):
    blocks, lengths = some_blocks()
    with torch.no_grad():
        exact = trained(blocks, lengths)
        rounded = copy.deepcopy(trained).bfloat16()(blocks, lengths).float()
    assert torch.cosine_similarity(exact, rounded, dim=-1).min() > 0.99


# --- what influences a gist ---------------------------------------------------------------------


@pytest.mark.parametrize("rubbish", [1e4, float("nan"), float("inf")])
def test_what_stands_behind_the_length_has_no_influence(trained, rubbish):
    blocks, lengths = some_blocks()
    behind = torch.arange(32) >= lengths[:, None]
    with torch.no_grad():
        clean = trained(blocks.masked_fill(behind[..., None], 0), lengths)
        dirty = trained(blocks.masked_fill(behind[..., None], rubbish), lengths)
    assert torch.equal(clean, dirty)


def test_every_token_inside_influences_every_slot(trained):
    blocks, lengths = some_blocks()
    blocks.requires_grad_()
    for slot in range(8):
        gists = trained(blocks, lengths)
        (gradient,) = torch.autograd.grad(gists[:, slot].pow(3).sum(), blocks)
        reached = gradient.abs().sum(-1) > 0
        assert torch.equal(reached, torch.arange(32) < lengths[:, None])


def test_the_order_of_tokens_matters(trained):
    blocks, _ = some_blocks(1)
    swapped = blocks.clone()
    swapped[:, [4, 5]] = blocks[:, [5, 4]]  # no anchors
    with torch.no_grad():
        gap = trained(blocks, torch.tensor([32])) - trained(swapped, torch.tensor([32]))
    assert gap.abs().max() > 1e-7


@pytest.mark.parametrize("slots", [1, 2, 4, 8])
def test_the_first_slots_are_the_gist_of_fewer_slots(trained, slots):
    blocks, lengths = some_blocks()
    with torch.no_grad():
        few = trained(blocks, lengths, slots=slots)
        all_slots = trained(blocks, lengths)
    assert few.shape[1] == slots
    assert torch.allclose(few, all_slots[:, :slots], atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.integers(1, 32), min_size=1, max_size=5), seed=st.integers(0, 1000))
def test_a_row_alone_has_the_same_gist_as_among_others(lengths, seed):
    gistnet = awake(built(base_lm()))
    blocks = torch.randn(len(lengths), 32, D, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        together = gistnet(blocks, torch.tensor(lengths))
        for row, length in enumerate(lengths):
            alone = gistnet(blocks[row : row + 1], torch.tensor([length]))
            assert torch.allclose(alone[0], together[row], atol=1e-5)


def test_levels_stack(trained):
    blocks, lengths = some_blocks()
    with torch.no_grad():
        first = trained(blocks, lengths)[:, 0]
        children = torch.zeros(1, 32, D)
        children[0, :6] = first
        second = trained(children, torch.tensor([6]))
    rms = second.square().mean(-1).sqrt()
    assert torch.allclose(rms, torch.tensor(trained.config.output_rms), rtol=1e-4)


def test_every_weight_learns(model):
    gistnet = awake(built(model, layers=3))
    target = torch.randn(6, 8, D, generator=torch.Generator().manual_seed(3))
    (gistnet(*some_blocks()) * target).sum().backward()
    idle = [
        name
        for name, parameter in gistnet.named_parameters()
        # Adding the same vector to all keys leaves attention as it is; `recall` stands behind gists.
        if name != "recall"
        and not name.endswith("k_proj.bias")
        and not parameter.grad.abs().sum() > 0
    ]
    assert idle == []


def test_gists_can_be_read_by_the_base_in_place_of_tokens(model, trained):
    blocks, lengths = some_blocks(2)
    with torch.no_grad():
        gists = trained(blocks, lengths)
        logits = [
            model(inputs_embeds=part, attention_mask=torch.ones(part.shape[:2])).logits[:, -1]
            for part in (torch.cat((gists, blocks[:, :1]), 1), blocks[:, :1])
        ]
    assert (logits[0] - logits[1]).abs().max() > 1e-4


# --- what is refused ----------------------------------------------------------------------------


def test_bases_of_another_build_are_refused_with_a_sentence():
    qwen3 = Qwen3ForCausalLM(Qwen3Config(**SIZES, head_dim=8))
    experts = {"num_experts": 2, "num_experts_per_tok": 1, "moe_intermediate_size": 16}
    mixture = Qwen3MoeForCausalLM(Qwen3MoeConfig(**SIZES, **experts, head_dim=8))
    gelu = base_lm(hidden_act="gelu")
    for model in (qwen3, mixture, gelu):
        with pytest.raises(ModelError, match=r"GistNet cannot start from tiny.*text codec"):
            built(model)


@pytest.mark.parametrize(
    "change",
    [{"slots": 33}, {"kv_heads": 3}, {"rotary_layers": (True,)}, {"layers": 0}, {"colour": 1}],
)
def test_a_configuration_that_cannot_be_is_refused(trained, change):
    content = {**trained.config.model_dump(), **change}
    with pytest.raises(ValidationError):
        type(trained.config).model_validate(content)


def test_importing_the_package_of_models_loads_no_torch():
    spec = importlib.util.find_spec("megacontext.models")
    assert spec is not None
    assert "import" not in Path(spec.origin).read_text()
