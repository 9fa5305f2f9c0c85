"""A cut as vectors and text: blocks (L1) are read as gists, what is coarser as outlines, what is finer verbatim.

Which coarse levels a model reads best as vectors is a matter of measurement; here chunks and above are text, as in
the text codec. Knows rows of gists; no network.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from megacontext.models.base import Segment, TextCounter, Tokens, Vectors

from ..catalogue import ChunkRecord
from ..tree.store import BLOCK_SIZE
from .codec import WorkingEntry
from .node import BLOCK, GIST_LEVELS, TOKENS, Node
from .text_codec import ChunkTokens, TextCodec
from .tree_view import TreeView


class ChunkGists(Protocol):
    """The gists of chunks."""

    def block(self, chunk: ChunkRecord, index: int, slots: int) -> Vectors | None:
        """The first `slots` vectors `[slots, d]` of a block's gist; None while there is none."""


class GistCodec(TextCodec):
    """Costs and rendering with block gists of `slots` vectors each (1, 2, 4 or 8)."""

    levels = GIST_LEVELS

    def __init__(
        self,
        tree: TreeView,
        tokens: ChunkTokens,
        gists: ChunkGists,
        counter: TextCounter,
        read: Callable[[str], bytes | None],
        *,
        decode: Callable[[Sequence[int]], str],
        slots: int,
        separated: bool = False,
        numbered: bool = False,
    ) -> None:
        """See `TextCodec`; `decode` shows people the text of a verbatim block."""
        super().__init__(tree, tokens, counter, read, separated=separated, numbered=numbered)
        self._gists = gists
        self._decode = decode
        self._slots = slots

    def _body_cost(self, node: Node) -> int:
        if node.level == BLOCK:
            return self._slots
        if node.level == TOKENS and node.block >= 0:
            whole = super()._body_cost(node._replace(block=-1))
            return min(BLOCK_SIZE, whole - node.block * BLOCK_SIZE)
        return super()._body_cost(node)

    def _readable(self, entry: WorkingEntry, contents: dict[str, bytes | None]) -> str | None:
        node = entry.node
        if node.level > BLOCK or node.block < 0:
            return super()._readable(entry, contents)
        if self._verbatim_text(node, contents) is None:
            return None
        if node.level == BLOCK:
            return f"[gist of block {node.block + 1} of {entry.path}:{entry.start_line}-{entry.end_line}]\n"
        return self._decode(self._block_ids(node))

    def _segments(self, node: Node, body: str) -> list[Segment] | None:
        if node.level > BLOCK or node.block < 0:
            return super()._segments(node, body)
        chunk = self.tree.chunk(node)
        if node.level == BLOCK:
            vectors = self._gists.block(chunk, node.block, self._slots)
            return None if vectors is None else [vectors]
        return [Tokens(self._block_ids(node))]

    def _block_ids(self, node: Node) -> tuple[int, ...]:
        start = node.block * BLOCK_SIZE
        ids = self._tokens.tokens(self.tree.chunk(node)) or ()
        return tuple(ids[start : start + BLOCK_SIZE])
