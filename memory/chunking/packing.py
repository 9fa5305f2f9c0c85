"""Packs the pieces between cuts into chunks. Knows no language.

Where to cut is decided by what stands at the cut (depth, blank lines, a hash of the line), within a
window of sizes, never by a running total alone. So two versions of a file fall into step again
shortly after an edit: the idea of content-defined chunking, with syntax in place of a rolling hash.
"""

from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

from .cuts import Cut, Role, blank_before
from .prose import text_cuts
from .weight import LIMIT, Weights

_STANDALONE = 500 * 5
"""A definition of at least this weight is a chunk of its own."""
_LEAST, _MOST = 600 * 5, 1400 * 5
"""Small pieces are packed into chunks between these weights: about 1,000 bytes."""
_TAIL = 300 * 5
_IMPORTS = 150 * 5
"""A run of imports of at least this weight is not packed with the code below it."""
_TINY = 120 * 5
"""Less than this joins a neighbour, even one that would stand alone."""

Run = list[int]
"""Indices of consecutive cuts whose pieces may share chunks."""


class Piece(NamedTuple):
    """A chunk to be."""

    start: int
    imports: bool
    """At least half of it are imports."""


def pack(cuts: list[Cut], data: bytes, weights: Weights) -> list[Piece]:
    """Choose the cuts at which chunks start. The first is at 0; no chunk is over the limit."""
    cuts = _refined(cuts, data, weights)
    ends = [cut.position for cut in cuts[1:]] + [len(data)]
    starts: list[int] = []
    for run in _runs(cuts, ends, weights):
        starts.extend(_divided(run, cuts, ends, data, weights))
    return _pieces(_without_tiny(starts, cuts, len(data), weights), cuts, ends)


def _refined(cuts: list[Cut], data: bytes, weights: Weights) -> list[Cut]:
    """Replace each piece over the limit by pieces at its blank lines and lines."""
    refined: list[Cut] = []
    last = len(cuts) - 1
    for index, cut in enumerate(cuts):
        refined.append(cut)
        end = cuts[index + 1].position if index < last else len(data)
        if weights[end] - weights[cut.position] > LIMIT:
            inner = text_cuts(data, weights, cut.position, end, cut.depth + 1)
            refined.extend(inner[1:])
    return refined


def _runs(cuts: list[Cut], ends: list[int], weights: Weights) -> list[Run]:
    """Split at fences, around definitions that stand alone, and below the imports."""
    runs: list[Run] = []
    closed = True
    imports = 0
    for index, cut in enumerate(cuts):
        weight = weights[ends[index]] - weights[cut.position]
        alone = cut.role is Role.DEFINITION and weight >= _STANDALONE
        below_imports = cut.role is not Role.IMPORT and imports >= _IMPORTS
        if closed or alone or cut.fence or cut.role is Role.HEADER or below_imports:
            runs.append([])
            imports = 0
        runs[-1].append(index)
        imports = imports + weight if cut.role is Role.IMPORT else 0
        closed = alone
    return runs


def _divided(
    run: Run, cuts: list[Cut], ends: list[int], data: bytes, weights: Weights
) -> list[int]:
    """Indices of the cuts of a run at which chunks start."""
    starts = [run[0]]
    total = weights[ends[run[-1]]]
    first = 0
    while total - (base := weights[cuts[run[first]].position]) > _MOST:
        best, best_rank = -1, (0, False, False, 0)
        within = first + 1
        for place in range(first + 1, len(run)):
            cut = cuts[run[place]]
            size = weights[cut.position] - base
            if size <= LIMIT:
                within = place
            if size > _MOST:
                break
            if size >= _LEAST and total - weights[cut.position] >= _TAIL:
                rank = _rank(cuts, run[place], data)
                if best < 0 or rank > best_rank:
                    best, best_rank = place, rank
        else:
            if best < 0 and total - base <= LIMIT:
                break
        first = best if best > 0 else within
        starts.append(run[first])
        if first == len(run) - 1:
            break
    return starts


def _rank(cuts: list[Cut], index: int, data: bytes) -> tuple[int, bool, bool, int]:
    """How good a cut is. The hash decides among equals, the same way after an edit elsewhere."""
    cut = cuts[index]
    start = cut.position
    end = data.find(b"\n", start, start + 200)
    line = data[start : end if end >= 0 else start + 200]
    leaves_imports = cuts[index - 1].role is Role.IMPORT and cut.role is not Role.IMPORT
    return -cut.depth, leaves_imports, blank_before(data, start), crc32(line)


def _without_tiny(starts: list[int], cuts: list[Cut], size: int, weights: Weights) -> list[int]:
    """Join tiny pieces to the next one of the same depth, else to the one before."""
    joined: list[int] = []
    carried: int | None = None
    positions = [cuts[index].position for index in starts] + [size, size]
    for place, index in enumerate(starts):
        cut = cuts[index]
        start = positions[place] if carried is None else carried
        carried = None
        end, far = positions[place + 1], positions[place + 2]
        if weights[end] - weights[start] < _TINY:
            after = cuts[starts[place + 1]] if place + 1 < len(starts) else None
            near = after and not after.fence
            level = after and (after.depth == cut.depth or cut.role is Role.HEADER)
            if near and level and weights[far] - weights[start] <= LIMIT:
                carried = start
                continue
            if joined and not cut.fence and weights[end] - weights[joined[-1]] <= LIMIT:
                continue
        joined.append(start)
    return joined


def _pieces(starts: list[int], cuts: list[Cut], ends: list[int]) -> list[Piece]:
    pieces: list[Piece] = []
    index = 0
    for start, stop in pairwise([*starts, ends[-1]]):
        imports = 0
        while index < len(cuts) and cuts[index].position < stop:
            if cuts[index].role is Role.IMPORT:
                imports += ends[index] - cuts[index].position
            index += 1
        pieces.append(Piece(start, imports * 2 >= stop - start))
    return pieces
