import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from megacontext.configs.errors import ModelError
from megacontext.models.gist.files import encoder_id
from megacontext.models.gist.gister import Gister, from_bits, to_bits
from megacontext.models.gist.initial import initial_gistnet
from tests.models.gist_bases import VOCABULARY, base_lm, identity


def make_gister(dtype=torch.float32, batch=None) -> Gister:
    model = base_lm(hidden_size=64, intermediate_size=96).to(dtype)
    gistnet = initial_gistnet(model, identity(model))
    with torch.no_grad():
        gistnet.up.weight.normal_(std=0.5, generator=torch.Generator().manual_seed(5))
    return Gister(model.get_input_embeddings().weight, gistnet, batch)


@pytest.fixture(scope="module", params=[torch.float32, torch.bfloat16], ids=str)
def gister(request) -> Gister:
    return make_gister(request.param)


def some_blocks(rows: int, seed: int = 0):
    random = np.random.default_rng(seed)
    ids = random.integers(0, VOCABULARY, (rows, 32), dtype=np.uint32)
    return ids, random.integers(1, 33, rows)


@pytest.fixture(scope="module")
def encoded(gister):
    ids, lengths = some_blocks(50)
    return ids, lengths, gister.encode_blocks(ids, lengths)


@pytest.fixture(scope="module")
def encoded_children(gister):
    first_slots = gister.encode_blocks(*some_blocks(32 * 20))[:, 0].reshape(20, 32, gister.width)
    lengths = np.random.default_rng(1).integers(1, 33, 20)
    return first_slots, lengths, gister.encode_children(first_slots, lengths)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_gist_is_the_same_to_the_bit_whatever_is_encoded_along(gister, encoded, data):
    ids, lengths, everything = encoded
    rows = data.draw(st.lists(st.integers(0, 49), min_size=1, max_size=40))
    assert np.array_equal(gister.encode_blocks(ids[rows], lengths[rows]), everything[rows])


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_so_is_the_gist_of_children(gister, encoded_children, data):
    first_slots, lengths, everything = encoded_children
    rows = data.draw(st.lists(st.integers(0, 19), min_size=1, max_size=20))
    part = gister.encode_children(first_slots[rows], lengths[rows])
    assert np.array_equal(part, everything[rows])


def test_gists_are_those_of_the_network_in_bf16_bits():
    gister = make_gister(batch=4)
    ids, lengths = some_blocks(7)
    model = base_lm(hidden_size=64, intermediate_size=96)
    with torch.no_grad():
        blocks = model.get_input_embeddings()(torch.from_numpy(ids.astype(np.int64)))
        expected = gister._gistnet(blocks, torch.from_numpy(lengths))
    gists = gister.encode_blocks(ids, lengths)
    assert gists.shape == (7, gister.slots, gister.width)
    assert gists.dtype == np.uint16
    assert torch.allclose(from_bits(gists).float(), expected, rtol=0.02, atol=1e-4)


def test_what_stands_behind_a_blocks_tokens_is_not_read(gister):
    ids, lengths = some_blocks(20)
    behind = np.arange(32) >= lengths[:, None]
    other = np.where(behind, np.uint32(0xFFFFFFFF), ids)
    assert np.array_equal(gister.encode_blocks(other, lengths), gister.encode_blocks(ids, lengths))


def test_no_blocks_give_no_gists(gister):
    nothing = gister.encode_blocks(np.empty((0, 32), np.uint32), np.empty(0, np.int64))
    assert nothing.shape == (0, 8, gister.width)


@pytest.mark.parametrize("dtype", [np.uint32, np.int32, np.int64])
def test_token_ids_may_have_any_whole_type_and_be_read_only(gister, dtype):
    ids, lengths = some_blocks(3)
    given_ids = ids.astype(dtype)
    given_ids.setflags(write=False)
    encoded = gister.encode_blocks(given_ids, lengths)
    assert np.array_equal(encoded, gister.encode_blocks(ids, lengths))
    encoded.setflags(write=False)
    children = np.zeros((1, 32, gister.width), np.uint16)
    children[0, :3] = encoded[:, 0]
    children.setflags(write=False)
    assert gister.encode_children(children, np.array([3])).shape == (1, 8, gister.width)


@pytest.mark.parametrize(
    ("ids", "lengths", "problem"),
    [
        (np.full((1, 32), VOCABULARY), [32], "token ids must be from 0 to 95"),
        (np.full((1, 32), -1), [1], "token ids must be from 0 to 95"),
        (np.zeros((1, 31), int), [3], "shape"),
        (np.zeros((2, 32), int), [3], "shape"),
        (np.zeros((1, 32), int), [0], "lengths must be from 1 to 32"),
        (np.zeros((1, 32), int), [33], "lengths must be from 1 to 32"),
    ],
)
def test_what_cannot_be_is_refused(gister, ids, lengths, problem):
    with pytest.raises(ValueError, match=problem):
        gister.encode_blocks(ids, np.array(lengths))


def test_it_tells_who_it_is_and_refuses_a_base_of_another_width():
    model = base_lm()
    gistnet = initial_gistnet(model, identity(model))
    gister = Gister(model.get_input_embeddings().weight, gistnet)
    assert (gister.width, gister.slots, gister.block_size) == (32, 8, 32)
    assert gister.encoder_id == encoder_id(gistnet)
    assert gister.base_id == identity(model).base_id
    with pytest.raises(ModelError, match="GistNet is 32 wide, the base 64"):
        Gister(base_lm(hidden_size=64).get_input_embeddings().weight, gistnet)


def test_bits_and_vectors_turn_into_each_other():
    vectors = torch.randn(3, 8, 16, generator=torch.Generator().manual_seed(1)).bfloat16()
    bits = to_bits(vectors)
    assert torch.equal(from_bits(bits), vectors)
    assert bits.shape == (3, 8, 16)
    bits.setflags(write=False)
    assert torch.equal(from_bits(bits[::2]), vectors[::2])
