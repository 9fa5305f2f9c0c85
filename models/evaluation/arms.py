"""What can stand in the place of replaced blocks, as vectors of the base's input space.

    full          their tokens            shuffled     the gists of other text
    none          nothing                 mean_pooled  averages of neighbouring embeddings
    gist          their gists             last_tokens  the last tokens, as many as gists have slots
    all_verbatim  through the codec of gists, every block at level 0: must read exactly as `full`
    mixed         the last tokens verbatim, each block before them as one slot: positions as `gist`

Knows tensors only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from ..gistnet import reading_order

KINDS = ("gist", "last_tokens", "mean_pooled", "shuffled", "mixed")
"""The arms that have a number of slots."""
BOUNDS = ("full", "none", "all_verbatim")
"""The arms that have none."""


@dataclass(frozen=True)
class Replaced:
    """The replaced blocks of a few passages, and what could stand for them."""

    tokens: Tensor
    """Embeddings, [n, blocks, block_size, d]."""
    gists: Tensor
    """In nested order, [n, blocks, slots, d]."""
    others: Tensor
    """The gists of other passages, of the same shape."""
    rms: float
    """Root mean square of the base's embeddings."""

    @property
    def size(self) -> int:
        """Tokens of a block."""
        return self.tokens.shape[2]

    @property
    def blocks(self) -> int:
        """How many are replaced."""
        return self.tokens.shape[1]


@dataclass(frozen=True, order=True)
class Arm:
    """One way to read a context."""

    kind: str
    slots: int = 0
    """Positions per block; 0 for `BOUNDS`."""

    def vectors(self, replaced: Replaced) -> Tensor:
        """What stands in the place of the blocks, [n, positions, d]."""
        match self.kind:
            case "full":
                return replaced.tokens.flatten(1, 2)
            case "none":
                return replaced.tokens.flatten(1, 2)[:, :0]
            case "all_verbatim":
                return laid_out(replaced.tokens, replaced.gists, [None] * replaced.blocks)
            case "gist":
                levels = [self.slots] * replaced.blocks
                return laid_out(replaced.tokens, replaced.gists, levels)
            case "shuffled":
                levels = [self.slots] * replaced.blocks
                return laid_out(replaced.tokens, replaced.others, levels)
            case "mean_pooled":
                return _mean_pooled(replaced, self.slots)
            case "last_tokens":
                return replaced.tokens.flatten(1, 2)[:, -self.slots * replaced.blocks :]
            case "mixed":
                return _mixed(replaced, self.slots * replaced.blocks)
        raise ValueError(f"there is no arm {self.kind!r}")


FULL, NONE, ALL_VERBATIM = (Arm(kind) for kind in BOUNDS)


def laid_out(tokens: Tensor, gists: Tensor, levels: Sequence[int | None]) -> Tensor:
    """Each block as so many slots in reading order, or verbatim where its level is None.

    `tokens` is [n, blocks, block_size, d], `gists` [n, blocks, slots, d] in nested order.
    """
    size = tokens.shape[2]
    parts = [
        tokens[:, at] if slots is None else gists[:, at, reading_order(size, slots)]
        for at, slots in enumerate(levels)
    ]
    return torch.cat([tokens[:, :0].flatten(1, 2), *parts], dim=1)


def mixed_verbatim(blocks: int, size: int, positions: int) -> int:
    """How many of the last tokens `mixed` keeps; each block that they do not touch has one slot.

    Raises ValueError for fewer positions than blocks.
    """
    if positions < blocks:
        raise ValueError(f"{positions} positions are too few for {blocks} blocks")
    return max(
        kept for kept in range(positions + 1) if kept + blocks - -(-kept // size) <= positions
    )


def _mean_pooled(replaced: Replaced, slots: int) -> Tensor:
    """Averages of `slots` equal groups of each block's embeddings, at the embeddings' RMS."""
    count, blocks, size, width = replaced.tokens.shape
    groups = replaced.tokens.view(count, blocks, slots, size // slots, width).mean(3)
    normed = functional.rms_norm(groups.float(), groups.shape[-1:], eps=1e-12)
    return (normed * replaced.rms).to(groups.dtype).flatten(1, 2)


def _mixed(replaced: Replaced, positions: int) -> Tensor:
    kept = mixed_verbatim(replaced.blocks, replaced.size, positions)
    far = positions - kept
    slots = laid_out(replaced.tokens[:, :far], replaced.gists[:, :far], [1] * far)
    tokens = replaced.tokens.flatten(1, 2)
    return torch.cat([slots, tokens[:, tokens.shape[1] - kept :]], dim=1)
