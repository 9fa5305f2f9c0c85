"""Tokens of chunks for a codec, from L0 of the tree, or counted anew where a row is missing. Knows no cut."""

from collections.abc import Sequence

from ..catalogue import ChunkRecord
from ..memory import Memory


class StoredTokens:
    """The `ChunkTokens` of an open memory."""

    def __init__(self, memory: Memory, *, exact: bool = True) -> None:
        """`exact`: the tree's token ids are the base model's own; otherwise they only count (a remote model)."""
        self._memory = memory
        self._exact = exact

    def counts(self, chunks: Sequence[ChunkRecord]) -> list[int]:
        """How many tokens each chunk has."""
        rows = self._memory.chunk_rows(chunks)
        missing = [chunk for chunk in chunks if chunk.digest not in rows]
        texts = {chunk.digest: self._memory.text_of(chunk) or "" for chunk in missing}
        ids = dict(
            zip(texts, self._memory.tokenizer.encode_batch(list(texts.values())), strict=True)
        )
        return [
            rows[chunk.digest].tokens if chunk.digest in rows else len(ids[chunk.digest])
            for chunk in chunks
        ]

    def tokens(self, chunk: ChunkRecord) -> Sequence[int] | None:
        """Token ids of a chunk; None when they are not the base model's, or the chunk is stale."""
        if not self._exact:
            return None
        rows = self._memory.chunk_rows([chunk]).get(chunk.digest)
        text = "" if rows is not None else self._memory.text_of(chunk)
        if text is None:
            return None
        ids: list[int] = self._memory.token_ids(text, rows).tolist()
        return ids
