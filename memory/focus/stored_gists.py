"""Gists of chunks for a codec, from L1 of the tree. Loads torch when the first one is read."""

from megacontext.configs.errors import StoreError
from megacontext.models.base import Vectors

from ..catalogue import ChunkRecord
from ..memory import Memory
from ..tree.store import BLOCK_SIZE, Rows
from .lru import Lru

CACHED_CHUNKS = 4_096


class StoredGists:
    """The `ChunkGists` of an open memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._blocks: Lru[bytes, int] = Lru(CACHED_CHUNKS)

    def blocks(self, chunk: ChunkRecord) -> int:
        """How many blocks of a chunk have gists: all, or 0 while they are not made."""
        known = self._blocks.get(chunk.digest)
        if known is None:
            rows = self._memory.chunk_rows([chunk]).get(chunk.digest)
            if rows is None or rows.l1 is None:
                return 0
            known = rows.blocks
            self._blocks.put(chunk.digest, known)
        return known

    def block(self, chunk: ChunkRecord, index: int, slots: int) -> Vectors | None:
        """The first `slots` vectors `[slots, d]` of a block's gist, as a base reads them.

        None while there is none or it is damaged.
        """
        from megacontext.models.gist.gister import from_bits
        from megacontext.models.gistnet import reading_order

        gists = self._gists(chunk)
        if gists is None:
            return None
        width = self._memory.store.spec.width
        nested = gists[index, : slots * width].reshape(slots, width).view("<u2")
        return Vectors(from_bits(nested[reading_order(BLOCK_SIZE, slots)]))

    def _gists(self, chunk: ChunkRecord) -> Rows | None:
        """L1 rows `[blocks, slots * width]` of a chunk; None while there are none."""
        rows = self._memory.chunk_rows([chunk]).get(chunk.digest)
        if rows is None:
            return None
        try:
            return self._memory.store.block_gists(rows)
        except StoreError:
            self._discard(chunk)
            return None

    def _discard(self, chunk: ChunkRecord) -> None:
        # A gist is a cache of the text: it is made anew, and until then the text itself is read.
        self._blocks.drop(chunk.digest)
        if self._memory.ingest is not None:
            with self._memory.ingest.transaction():
                self._memory.ingest.store.forget_gists([chunk.digest])
