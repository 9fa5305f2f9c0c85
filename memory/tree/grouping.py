"""Grouping a long row of children into nodes of at most 32, so that an insertion moves few borders.

Borders depend on the children's own keys, not on their positions (the idea of content-defined chunking and of
prolly trees), so scratch and incremental building agree and a change stays local.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

MAX_CHILDREN = 32
MIN_CHILDREN = 8
BORDER_ODDS = 16
"""One key in this many ends a group, so groups have about 24 children."""


def group(children: Sequence[T], key: Callable[[T], bytes]) -> list[list[T]]:
    """Split `children` into consecutive groups of at most 32; all in one group when they fit.

    `key` gives the bytes that decide borders: a digest, whose last byte is as good as random.
    """
    if len(children) <= MAX_CHILDREN:
        return [list(children)] if children else []
    groups: list[list[T]] = [[]]
    for child in children:
        groups[-1].append(child)
        size = len(groups[-1])
        if size == MAX_CHILDREN or (size >= MIN_CHILDREN and key(child)[-1] % BORDER_ODDS == 0):
            groups.append([])
    if not groups[-1]:
        groups.pop()
    return groups
