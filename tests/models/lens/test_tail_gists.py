from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megacontext.models.gist.gister import Gister
from megacontext.models.gist.initial import initial_gistnet
from megacontext.models.lens.tail_gists import KEPT, TAIL_BLOCKS, TailGistCache
from tests.models.gist_bases import VOCABULARY, base_lm, identity

BLOCK = 32


@pytest.fixture(scope="module")
def gister():
    model = base_lm()
    return Gister(
        model.get_input_embeddings().weight, initial_gistnet(model, identity(model), seed=3)
    )


@pytest.fixture
def cache(gister):
    return TailGistCache(gister)


def ids(count: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(0, VOCABULARY, count).tolist()


def encoded(gister, blocks):
    padded = np.zeros((len(blocks), BLOCK), np.int64)
    for row, block in zip(padded, blocks, strict=True):
        row[: len(block)] = block
    return gister.encode_blocks(padded, np.array([len(block) for block in blocks]))[:, 0]


def test_the_question_stands_first_and_the_end_of_the_tail_last(gister, cache):
    question, tail = ids(40, 1), ids(70, 2)
    expected = [question[:32], question[32:], tail[:32], tail[32:64], tail[64:]]
    assert np.array_equal(cache.query(question, tail), encoded(gister, expected))
    assert cache.query([], []).shape == (0, gister.width)


def test_a_long_question_is_heard_by_its_ends(gister, cache):
    question = ids(9 * BLOCK)
    parts = [question[at : at + BLOCK] for at in (0, 32, 7 * 32, 8 * 32)]
    assert np.array_equal(cache.query(question, []), encoded(gister, parts))


def test_while_somebody_types_only_the_last_block_is_made_anew(cache):
    text = ids(400)
    cache.query([], text[:300])
    assert cache.encoded == TAIL_BLOCKS
    for end in range(301, 401):
        cache.query([], text[:end])
    assert cache.encoded <= TAIL_BLOCKS + 100
    before = cache.encoded
    cache.query([], text[:400])
    assert cache.encoded == before


def test_a_tail_that_begins_later_in_the_text_is_known_again(cache):
    text = ids(1000)
    cache.query([], text[:900])
    before = cache.encoded
    moved = cache.query([], text[17:900])
    assert cache.encoded <= before + 1
    assert len(moved) == TAIL_BLOCKS


def test_old_gists_are_forgotten(cache):
    for seed in range(KEPT // TAIL_BLOCKS + 2):
        cache.query([], ids(TAIL_BLOCKS * BLOCK, seed))
    before = cache.encoded
    cache.query([], ids(TAIL_BLOCKS * BLOCK, 0))
    assert cache.encoded == before + TAIL_BLOCKS


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=6))
def test_the_tail_is_covered_without_gap_whatever_was_asked_before(gister, cuts):
    cache, text = TailGistCache(gister), ids(500)
    for start, end in cuts:
        part = text[min(start, end) : max(start, end)]
        got = cache.query([], part)
        size = len(part)
        ways = [[*range(at, size, BLOCK), size] for at in range(min(BLOCK, size))]
        ways = [way if way[0] == 0 else [0, *way] for way in ways]
        possible = [[part[a:b] for a, b in pairwise(way)][-TAIL_BLOCKS:] for way in ways]
        assert len(got) <= TAIL_BLOCKS
        if size:
            assert any(
                len(blocks) == len(got) and np.array_equal(encoded(gister, blocks), got)
                for blocks in possible
            )
