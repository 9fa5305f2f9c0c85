"""The gists that stand for a query: of its question, and of the last blocks of the text before the cursor.

While somebody types, or a conversation goes on, most of these blocks stay as they are; they are kept by their
tokens, and only what has changed is encoded. Knows token ids and a gister; no file and no cursor.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from ..gist.gister import Bits, Gister

TAIL_BLOCKS = 4
QUESTION_BLOCKS = 4
"""A longer question is heard by its first and its last words, two blocks each."""
KEPT = 256
"""Gists that are kept, of several texts that are worked on in turns."""

Block = tuple[int, ...]


class TailGistCache:
    """First slots of the gists of a query's blocks, each encoded once."""

    def __init__(self, gister: Gister) -> None:
        self._gister = gister
        self._size = gister.block_size
        self._gists: OrderedDict[Block, Bits] = OrderedDict()
        self.encoded = 0
        """Blocks encoded so far."""

    @property
    def tail_tokens(self) -> int:
        """How many tokens before the cursor are looked at; giving more is no use."""
        return (TAIL_BLOCKS + 1) * self._size

    def query(self, question: Sequence[int], tail: Sequence[int]) -> Bits:
        """First slots `[m, d]` for the token ids of a question and of the text before the cursor.

        Question first, and the end of the tail last; m is 0 where both are empty.
        """
        return self._gists_of([*self._of_question(question), *self._of_tail(tail)])

    def _of_question(self, ids: Sequence[int]) -> list[Block]:
        blocks = self._cut(ids, 0)
        if len(blocks) <= QUESTION_BLOCKS:
            return blocks
        half = QUESTION_BLOCKS // 2
        return blocks[:half] + blocks[-half:]

    def _of_tail(self, ids: Sequence[int]) -> list[Block]:
        ids = ids[-self.tail_tokens :]
        # The text may begin elsewhere than last time: blocks start where known ones do.
        starts = range(min(self._size, len(ids)))
        known = (at for at in starts if tuple(ids[at : at + self._size]) in self._gists)
        return self._cut(ids, next(known, 0))[-TAIL_BLOCKS:]

    def _cut(self, ids: Sequence[int], start: int) -> list[Block]:
        cuts = dict.fromkeys((0, *range(start, len(ids), self._size), len(ids)))
        return [tuple(ids[begin:end]) for begin, end in pairwise(cuts)]

    def _gists_of(self, blocks: Sequence[Block]) -> Bits:
        missing = [block for block in dict.fromkeys(blocks) if block not in self._gists]
        if missing:
            padded = np.zeros((len(missing), self._size), np.int64)
            for row, block in zip(padded, missing, strict=True):
                row[: len(block)] = block
            lengths = np.array([len(block) for block in missing])
            made = self._gister.encode_blocks(padded, lengths, to_keep=False)[:, 0]
            self._gists.update(zip(missing, made, strict=True))
            self.encoded += len(missing)
        found = [self._gists[block] for block in blocks]
        for block in blocks:
            self._gists.move_to_end(block)
        while len(self._gists) > KEPT:
            self._gists.popitem(last=False)
        return np.stack(found) if found else np.zeros((0, self._gister.width), np.uint16)
