"""Gists of chunks that are made as they are asked for: of a source that is only read, and has none of this model.

A pack brings gists of the model that it was made for. For another one it would take long to make all of them, and few
are ever read; so a chunk gets its gists when the first of them is rendered, and they are kept while it is of use.
"""

import numpy as np

from ..catalogue import ChunkRecord
from ..ingest.gisting import Gister, as_blocks
from ..memory import Memory
from ..tree.store import BLOCK_SIZE, Rows
from .lru import Lru
from .stored_gists import StoredGists
from .stored_tokens import StoredTokens

KEPT_CHUNKS = 512


class LazyGists(StoredGists):
    """The `ChunkGists` of a memory that is open for reading."""

    def __init__(self, memory: Memory, gister: Gister) -> None:
        super().__init__(memory)
        self._gister = gister
        self._tokens = StoredTokens(memory)
        self._made: Lru[bytes, Rows] = Lru(KEPT_CHUNKS)

    def blocks(self, chunk: ChunkRecord) -> int:
        """How many blocks a chunk has; each has a gist by the time it is read."""
        [tokens] = self._tokens.counts([chunk])
        return -(-tokens // BLOCK_SIZE)

    def _gists(self, chunk: ChunkRecord) -> Rows | None:
        stored = super()._gists(chunk)
        if stored is not None:
            return stored
        made = self._made.get(chunk.digest)
        if made is None:
            ids = self._tokens.tokens(chunk)
            if not ids:
                return None
            blocks, lengths = as_blocks(np.asarray(ids))
            slots = self._memory.store.spec.slots
            made = self._gister.encode_blocks(blocks, lengths)[:, :slots].reshape(len(blocks), -1)
            self._made.put(chunk.digest, made)
        return made
