"""A prompt position by position: what tells each from others, and what the model is given there. Knows no model."""

from collections.abc import Callable, Sequence

import torch

from ..base import Vectors
from .kv_cache import PositionKey


class Positions:
    """A prompt position by position: a key each, and the vectors that are not token embeddings."""

    def __init__(self, ids: Sequence[int] = ()) -> None:
        """Begins with token ids."""
        self.keys: list[PositionKey] = list(ids)
        self._vectors: list[tuple[int, torch.Tensor]] = []

    def add(self, ids: Sequence[int]) -> None:
        """Append token ids."""
        self.keys += ids

    def add_vectors(self, vectors: Vectors) -> None:
        """Append vectors, which are read in place of embeddings."""
        self._vectors.append((len(self.keys), vectors.rows))
        self.keys += vectors.keys

    def embeddings(
        self, start: int, end: int, embed: Callable[[Sequence[int]], torch.Tensor]
    ) -> torch.Tensor:
        """Input embeddings `[1, end - start, d]`."""
        rows = embed([key if isinstance(key, int) else 0 for key in self.keys[start:end]])
        for at, vectors in self._vectors:
            first, last = max(at, start), min(at + len(vectors), end)
            if first < last:
                rows[first - start : last - start] = vectors[first - at : last - at].to(rows)
        return rows[None]
