"""A window read with gists in it, at every place at once.

    [prefix][slots of block 0, of block 1, …][tokens of segment 0 | of segment 1 | …]

One forward holds all of this. A token sees the prefix, the slots of the blocks before its segment
and what stands before it in its segment: so each segment is read as if all before it were replaced
by gists, its first tokens right behind them, its later ones behind a verbatim tail. Positions are
those of that reading: consecutive, as in a prompt. Knows lengths and places; no tensor of a model.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch
from torch import Tensor

PREFIX = 8
"""Tokens at the start of a window (its repository, the first path) that are never replaced."""


@dataclass(frozen=True)
class Partition:
    """How the tokens behind the prefix are cut; the same for all windows of a batch."""

    blocks: tuple[int, ...]
    """Lengths of the blocks."""
    segments: tuple[int, ...]
    """The number of the first block of each segment; the first is 0."""

    @property
    def tokens(self) -> int:
        """Tokens behind the prefix."""
        return sum(self.blocks)

    @property
    def replaced(self) -> int:
        """Blocks that are ever read as gists: those before the last segment."""
        return self.segments[-1]


def draw_partition(
    tokens: int, block_size: int, segments: Sequence[int], ragged: float, chance: random.Random
) -> Partition:
    """Cut `tokens` into blocks and segments of a length drawn from `segments` (in blocks).

    With the chance `ragged` blocks are as short as chunks end, else all but the last are full.
    """
    short = chance.random() < ragged
    blocks: list[int] = []
    while (left := tokens - sum(blocks)) > 0:
        wanted = chance.randint(block_size // 4, block_size) if short else block_size
        blocks.append(min(wanted, left))
    length = chance.choice(list(segments))
    first = chance.randint(1, length)
    return Partition(tuple(blocks), (0, *range(first, len(blocks), length)))


class View:
    """Where everything of a partition stands when each gist has `slots` vectors.

    Args:
        partition: with at least two segments, or nothing would be read behind gists.
        slots: 0 leaves the gists out: segments are then read with the prefix alone.
    """

    def __init__(self, partition: Partition, slots: int) -> None:
        self.partition = partition
        self.slots = slots
        self._starts = [0, *accumulate(partition.blocks)]
        """Of each block among the tokens behind the prefix."""

    @cached_property
    def block_places(self) -> tuple[Tensor, Tensor]:
        """Places in the window `[replaced, longest]` of the blocks' tokens, and lengths `[replaced]`.

        Rows of shorter blocks repeat their last place.
        """
        lengths = torch.tensor(self.partition.blocks[: self.partition.replaced])
        starts = torch.tensor(self._starts[: self.partition.replaced])
        offsets = torch.arange(int(lengths.max()))
        return PREFIX + starts[:, None] + torch.minimum(offsets, lengths[:, None] - 1), lengths

    @cached_property
    def positions(self) -> Tensor:
        """Position ids `[S]`."""
        slots = torch.arange(self._slot_count)
        tokens = torch.arange(self.partition.tokens) - self._segment_starts
        return torch.cat(
            (
                torch.arange(PREFIX),
                PREFIX + slots,
                PREFIX + self._segment_blocks * self.slots + tokens,
            )
        )

    @cached_property
    def mask(self) -> Tensor:
        """Whether the place of a row sees that of a column, `[S, S]`."""
        tokens = self.partition.tokens
        behind = PREFIX + self._slot_count
        mask = torch.zeros(behind + tokens, behind + tokens, dtype=torch.bool)
        # Prefix and slots read each other in order.
        mask[:behind, :behind] = torch.ones(behind, behind, dtype=torch.bool).tril()
        mask[behind:, :PREFIX] = True
        owners = torch.arange(self.partition.replaced).repeat_interleave(self.slots)
        mask[behind:, PREFIX:behind] = owners < self._segment_blocks[:, None]
        together = self._segment_blocks[:, None] == self._segment_blocks
        mask[behind:, behind:] = together & torch.ones(tokens, tokens, dtype=torch.bool).tril()
        return mask

    @cached_property
    def predicting(self) -> tuple[Tensor, Tensor]:
        """Places in the view that predict behind gists, and in the window what they stand for.

        Both `[M]`: all tokens but those of the first segment and the last one, and of each replaced
        block the last slot, which stands for the block's last token.
        """
        behind = PREFIX + self._slot_count
        tokens = torch.arange(self._starts[self._first_read], self.partition.tokens - 1)
        in_view, in_window = behind + tokens, PREFIX + tokens
        if self.slots:
            ends = torch.tensor(self._starts[1 : self.partition.replaced + 1])
            last_slots = PREFIX - 1 + self.slots * torch.arange(1, self.partition.replaced + 1)
            in_view = torch.cat((last_slots, in_view))
            in_window = torch.cat((PREFIX - 1 + ends, in_window))
        return in_view, in_window

    @cached_property
    def depth(self) -> Tensor:
        """How many verbatim tokens stand between the gists and what each of `predicting` predicts."""
        offsets = (torch.arange(self.partition.tokens) - self._segment_starts + 1)[
            self._starts[self._first_read] : -1
        ]
        if not self.slots:
            return offsets
        return torch.cat((torch.zeros(self.partition.replaced, dtype=torch.long), offsets))

    @property
    def head(self) -> int:
        """Places of prefix and slots."""
        return PREFIX + self._slot_count

    @property
    def segment_tokens(self) -> tuple[Tensor, Tensor]:
        """For each segment where it begins among the tokens behind the prefix, and its length."""
        borders = (*self.partition.segments, len(self.partition.blocks))
        starts = torch.tensor([self._starts[border] for border in borders])
        return starts[:-1], starts.diff()

    @property
    def _slot_count(self) -> int:
        return self.partition.replaced * self.slots

    @property
    def _first_read(self) -> int:
        """The first block that is read behind gists."""
        return self.partition.segments[1]

    @cached_property
    def _segment_blocks(self) -> Tensor:
        """For each token behind the prefix the first block of its segment, `[n]`."""
        return torch.tensor(self.partition.segments).repeat_interleave(self.segment_tokens[1])

    @cached_property
    def _segment_starts(self) -> Tensor:
        return torch.tensor(self._starts)[self._segment_blocks]
