import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from megacontext.models.evaluation.arms import (
    ALL_VERBATIM,
    BOUNDS,
    FULL,
    KINDS,
    NONE,
    Arm,
    Replaced,
    laid_out,
    mixed_verbatim,
)
from megacontext.models.gistnet import reading_order

N, BLOCKS, SIZE, SLOTS, D = 3, 4, 32, 8, 6


@pytest.fixture
def replaced() -> Replaced:
    random = torch.Generator().manual_seed(0)

    def some(count: int) -> torch.Tensor:
        return torch.randn(N, BLOCKS, count, D, generator=random)

    return Replaced(some(SIZE), some(SLOTS), some(SLOTS), rms=0.3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slots", [1, 2, 4, 8])
def test_every_arm_takes_the_same_positions(replaced, kind, slots):
    assert Arm(kind, slots).vectors(replaced).shape == (N, BLOCKS * slots, D)


@pytest.mark.parametrize("kind", BOUNDS)
def test_bounds_take_all_or_nothing(replaced, kind):
    assert Arm(kind).vectors(replaced).shape[1] == (0 if kind == "none" else BLOCKS * SIZE)


def test_all_blocks_verbatim_are_the_tokens_to_the_bit(replaced):
    assert torch.equal(ALL_VERBATIM.vectors(replaced), FULL.vectors(replaced))
    assert NONE.vectors(replaced).numel() == 0


@pytest.mark.parametrize("slots", range(1, 9))
def test_gists_stand_block_by_block_in_reading_order(replaced, slots):
    found = Arm("gist", slots).vectors(replaced).unflatten(1, (BLOCKS, slots))
    assert torch.equal(found, replaced.gists[:, :, reading_order(SIZE, slots)])


def test_shuffled_gists_are_those_of_the_other_text(replaced):
    own = Replaced(replaced.tokens, replaced.others, replaced.gists, replaced.rms)
    assert torch.equal(Arm("shuffled", 2).vectors(replaced), Arm("gist", 2).vectors(own))


def test_last_tokens_are_the_last(replaced):
    found = Arm("last_tokens", 4).vectors(replaced)
    assert torch.equal(found, replaced.tokens.flatten(1, 2)[:, -16:])


def test_averages_stand_in_order_at_the_scale_of_embeddings(replaced):
    found = Arm("mean_pooled", 2).vectors(replaced)
    assert found.pow(2).mean(-1).sqrt() == pytest.approx(0.3 * torch.ones(N, 8), rel=1e-5)
    first = replaced.tokens[:, 0, :16].mean(1)
    assert torch.cosine_similarity(found[:, 0], first) == pytest.approx(torch.ones(N), rel=1e-5)


def test_mixed_keeps_the_last_tokens_and_one_slot_of_the_blocks_before(replaced):
    found = Arm("mixed", 8).vectors(replaced)
    assert torch.equal(found[:, :3], replaced.gists[:, :3, 0])
    assert torch.equal(found[:, 3:], replaced.tokens[:, 3, -29:])


@given(blocks=st.integers(1, 40), size=st.integers(1, 64), more=st.integers(0, 2000))
def test_mixed_fills_its_positions_exactly(blocks, size, more):
    positions = min(blocks + more, blocks * size)
    kept = mixed_verbatim(blocks, size, positions)
    assert kept + max(0, blocks - -(-kept // size)) == positions


def test_levels_can_be_mixed_by_block(replaced):
    found = laid_out(replaced.tokens, replaced.gists, [1, None, 2, 8])
    assert found.shape[1] == 1 + 32 + 2 + 8
    assert torch.equal(found[:, 1:33], replaced.tokens[:, 1])
    assert laid_out(replaced.tokens[:, :0], replaced.gists[:, :0], []).shape == (N, 0, D)


def test_impossible_arms_are_refused(replaced):
    with pytest.raises(ValueError, match="no arm"):
        Arm("half").vectors(replaced)
    with pytest.raises(ValueError, match="too few"):
        mixed_verbatim(8, 32, 7)
