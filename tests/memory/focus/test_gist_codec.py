"""The gist codec by itself: what blocks cost and render to, with made-up gists."""

from collections.abc import Sequence

import pytest
import torch

from megacontext.memory.catalogue import ChunkRecord
from megacontext.memory.focus import GIST_LEVELS, Cut, Node, TreeView
from megacontext.memory.focus.gist_codec import BLOCK_SIZE, GistCodec
from megacontext.memory.focus.node import BLOCK, CHUNK, TOKENS
from megacontext.models.base import Text, Tokens, Vectors

from .shelf import Shelf, WordCounter, WordTokens
from .test_text_codec import shown

LONG = "def long(value):\n" + "    value = value + 1\n" * 22
"""138 tokens by the shelf's measure: five blocks, the last one of ten."""


class MadeUpGists:
    def __init__(self) -> None:
        self.damaged: set[tuple[bytes, int]] = set()

    def block(self, chunk: ChunkRecord, index: int, slots: int) -> Vectors | None:
        if (chunk.digest, index) in self.damaged:
            return None
        return Vectors(torch.full((slots, 4), float(index)))


@pytest.fixture
def shelf(build) -> Shelf:
    return build({"a.py": [LONG, "def short():\n    pass\n"], "b.py": ["x = 1\n"]})


@pytest.fixture
def gists() -> MadeUpGists:
    return MadeUpGists()


def make(shelf: Shelf, gists: MadeUpGists, slots: int) -> tuple[GistCodec, Node]:
    tokens = WordTokens(shelf.texts)

    def blocks(chunk: ChunkRecord) -> int:
        return -(-tokens.counts([chunk])[0] // BLOCK_SIZE)

    def decode(ids: Sequence[int]) -> str:
        return "".join(f"<{number}>" for number in ids)

    tree = TreeView(shelf.catalogue, GIST_LEVELS, blocks)
    codec = GistCodec(tree, tokens, gists, WordCounter(), shelf.read, decode=decode, slots=slots)
    return codec, tree.node_at("a.py", 1)


def opened(codec: GistCodec, chunk: Node) -> Cut:
    cut = Cut(codec.tree, codec)
    cut.reveal(chunk)
    cut.expand(chunk, speak=True)
    return cut


@pytest.mark.parametrize("slots", [1, 2, 4, 8])
def test_a_block_takes_its_slots_and_the_file_one_header(shelf, gists, slots):
    codec, chunk = make(shelf, gists, slots)
    cut = opened(codec, chunk)
    header = WordCounter().count("### a.py\n")
    assert cut.costs() == [header + slots, *[slots] * 4]
    segments = codec.render(shown(cut)).segments
    assert segments[0] == Text("### a.py\n")
    assert [part.rows.shape for part in segments[1:]] == [(slots, 4)] * 5


def test_a_block_in_detail_is_its_own_tokens(shelf, gists):
    codec, chunk = make(shelf, gists, 2)
    cut = opened(codec, chunk)
    for block in (1, 4):
        cut.expand(chunk._replace(level=BLOCK, block=block), speak=True)
    rendering = codec.render(shown(cut))
    parts = rendering.segments[1:]
    kinds = [type(part) for part in parts]
    assert kinds == [Vectors, Tokens, Vectors, Vectors, Tokens]
    assert parts[1] == Tokens(tuple(range(32, 64)))
    assert parts[4] == Tokens(tuple(range(128, 138)))
    assert cut.total == WordCounter().count("### a.py\n") + 3 * 2 + 32 + 10
    assert "<32><33>" in rendering.text and "[gist of block 3 of a.py:1-23]" in rendering.text


def test_a_chunk_without_gists_is_read_verbatim(shelf, gists):
    tree = TreeView(shelf.catalogue, GIST_LEVELS, lambda chunk: 0)
    chunk = tree.node_at("a.py", 1)
    assert chunk.level == CHUNK
    assert tree.children(chunk) == (chunk._replace(level=TOKENS),)


def test_nodes_that_came_and_went_with_their_gists_are_carried_to_nothing(shelf, gists):
    codec, chunk = make(shelf, gists, 2)
    block = chunk._replace(level=BLOCK, block=0)
    assert codec.tree.match(block) == block
    assert codec.tree.match(chunk._replace(level=TOKENS)) is None
    without = TreeView(shelf.catalogue, GIST_LEVELS, lambda chunk: 0)
    assert without.match(block) is None
    assert without.match(chunk) == chunk


def test_a_missing_gist_makes_its_path_stale_and_is_not_served(shelf, gists):
    codec, chunk = make(shelf, gists, 2)
    cut = opened(codec, chunk)
    gists.damaged.add((chunk.digest, 2))
    rendering = codec.render(shown(cut))
    assert rendering.stale == ("a.py",)
    assert len([part for part in rendering.segments if isinstance(part, Vectors)]) == 4


def test_gists_of_text_that_has_changed_are_not_served(shelf, gists):
    codec, chunk = make(shelf, gists, 2)
    cut = opened(codec, chunk)
    (shelf.root / "a.py").write_text(LONG.replace("+ 1", "- 1"))
    rendering = codec.render(shown(cut))
    assert (rendering.stale, rendering.segments) == (("a.py",), [])
