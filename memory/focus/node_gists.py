"""The gist of any node as one vector, its first slot: what routing looks at. Knows rows, no query and no model."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megacontext.configs.errors import StoreError

from ..memory import REPOSITORY, Memory
from ..tree.store import ChunkRows, Rows
from .lru import Lru
from .node import CHUNK, DIRECTORY, Node

CACHED_ROWS = 8_192
"""Of chunks and blocks, which are known by their content: while somebody types, most are looked at again."""

Bits = NDArray[np.uint16]
"""bf16 numbers as their raw bits."""


class NodeGists:
    """First slots of the gists of an open memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._known: Lru[tuple[bytes, int], NDArray[Any]] = Lru(CACHED_ROWS)

    @property
    def width(self) -> int:
        """Numbers in one vector."""
        return self._memory.store.spec.width

    def first_slots(self, nodes: Sequence[Node]) -> Bits:
        """`[n, width]`: a block's own for blocks and their tokens, a chunk's, a file's, a directory's.

        Zeros where a gist is not made or damaged, and for inner nodes of files and directories.
        """
        found = np.zeros((len(nodes), self.width), np.uint16)
        fine: dict[bytes, list[int]] = {}
        for index, node in enumerate(nodes):
            if node.level <= CHUNK:
                if (known := self._known.get((node.digest, node.block))) is not None:
                    found[index] = known
                else:
                    fine.setdefault(node.digest, []).append(index)
            elif not node.fold and (row := self._of_path(node)) is not None:
                found[index] = row
        for digest, rows in self._memory.store.known(fine).items():
            for index, row in self._of_chunk(rows, nodes, fine[digest]):
                found[index] = row
                self._known.put((digest, nodes[index].block), found[index].copy())
        return found

    def _of_chunk(
        self, rows: ChunkRows, nodes: Sequence[Node], indices: Sequence[int]
    ) -> Iterator[tuple[int, NDArray[Any]]]:
        store = self._memory.store
        whole = [index for index in indices if nodes[index].block < 0]
        parts = [index for index in indices if nodes[index].block >= 0]
        try:
            gist = store.chunk_gists(rows) if whole else None
            blocks = store.block_gists(rows) if parts else None
        except StoreError:
            return  # a cache of the text: it is made anew, and until then nothing is known
        if gist is not None:
            yield from ((index, gist[0, : self.width]) for index in whole)
        if blocks is not None:
            yield from ((index, blocks[nodes[index].block, : self.width]) for index in parts)

    def _of_path(self, node: Node) -> NDArray[Any] | None:
        store = self._memory.store
        is_directory = node.level == DIRECTORY
        settled = store.path_key(REPOSITORY, node.path, directory=is_directory)
        try:
            row: Rows | None = store.node_gist(settled[0]) if settled else None
        except StoreError:
            return None
        return None if row is None else row[0, : self.width]
