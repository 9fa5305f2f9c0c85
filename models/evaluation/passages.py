"""What GistNet is measured on: stretches of held-out windows, cut the same way for every arm.

    window   <prefix> ……… <replaced: 8 blocks of 32> <after: 64 of tail, 128 of targets> ………
    right before    prefix · replaced · targets (the first 128 after the replaced)
    behind a tail   prefix · replaced · tail of 64 · targets

Knows windows of token ids; no model.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megacontext.configs.errors import ModelError

from ..training.windows import Windows

LONGEST_PATH = 64
"""Tokens in which the path of a file ends."""


@dataclass(frozen=True)
class Layout:
    """Lengths in tokens; `blocks` counts blocks."""

    prefix: int = 8
    """The head of the window, verbatim in every arm, the one without context included."""
    blocks: int = 8
    block_size: int = 32
    tail: int = 64
    horizon: int = 128
    """Targets."""

    @property
    def replaced(self) -> int:
        """Tokens for which gists stand."""
        return self.blocks * self.block_size

    @property
    def length(self) -> int:
        """Tokens a window needs."""
        return self.prefix + self.replaced + self.tail + self.horizon


LAYOUT = Layout()


@dataclass(frozen=True)
class Setting:
    """Where the targets stand."""

    name: str
    tail: bool
    """Whether verbatim text stands between what is replaced and the targets."""

    def targets(self, layout: Layout) -> slice:
        """The targets' place in `Passages.after`; what is before it there is the tail."""
        start = layout.tail if self.tail else 0
        return slice(start, start + layout.horizon)


RIGHT_BEFORE = Setting("right_before", tail=False)
BEHIND_TAIL = Setting("behind_tail", tail=True)
SETTINGS = (RIGHT_BEFORE, BEHIND_TAIL)


@dataclass(frozen=True)
class Passages:
    """One passage a window; all int64."""

    layout: Layout
    windows: NDArray[np.int64]
    """Number of the window of each, [n]."""
    starts: NDArray[np.int64]
    """Where in its window the replaced tokens start, [n]."""
    prefix: NDArray[np.int64]
    """[n, prefix]"""
    replaced: NDArray[np.int64]
    """[n, blocks * block_size]"""
    after: NDArray[np.int64]
    """[n, tail + horizon]"""

    def __len__(self) -> int:
        return len(self.windows)


def sample_passages(
    windows: Windows, count: int, seed: int = 0, layout: Layout = LAYOUT
) -> Passages:
    """Cut `count` passages (fewer where there are fewer windows) from evenly spread windows.

    Each starts at a place of its window drawn by `seed` and the window's number; padding is never
    part of one. Raises ModelError where no window is long enough.
    """
    rows = windows.rows(range(len(windows)))
    lengths = _lengths(rows)
    usable = np.flatnonzero(lengths >= layout.length)
    if not len(usable):
        raise ModelError(
            f"none of the {len(rows)} windows has the {layout.length} tokens that are measured on; "
            "give longer ones"
        )
    count = min(count, len(usable))
    numbers = usable[np.arange(count) * len(usable) // count]
    starts = np.array([_start(seed, int(i), int(lengths[i]), layout) for i in numbers])
    places = np.arange(layout.length - layout.prefix) + starts[:, None]
    cut = rows[numbers[:, None], places].astype(np.int64)
    prefix = rows[numbers, : layout.prefix].astype(np.int64)
    replaced, after = cut[:, : layout.replaced], cut[:, layout.replaced :]
    return Passages(layout, numbers, starts, prefix, replaced, after)


def files_of(
    passages: Passages, windows: Windows, file_sep: int | None, decode: Callable[[list[int]], str]
) -> Sequence[Hashable]:
    """Name the file in which the targets of each passage begin, for resampling by file.

    Without a token that opens files, or before the first, each window counts as its own.
    """
    ends = passages.starts + passages.layout.replaced
    names: list[Hashable] = []
    for number, end in zip(passages.windows.tolist(), ends.tolist(), strict=True):
        row = windows.rows([number])[0].tolist()
        opened = [at for at in range(end) if row[at] == file_sep]
        head = row[opened[-1] + 1 : opened[-1] + 1 + LONGEST_PATH] if opened else []
        names.append(decode(head).partition("\n")[0] or number)
    return names


def _lengths(rows: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Tokens of each window before the run of one token that ends it, its padding."""
    other = rows != rows[:, -1:]
    return np.where(other.any(1), rows.shape[1] - other[:, ::-1].argmax(1), 0)


def _start(seed: int, number: int, length: int, layout: Layout) -> int:
    last = length - (layout.length - layout.prefix)
    return int(np.random.default_rng([seed, number]).integers(layout.prefix, last + 1))
