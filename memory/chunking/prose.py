"""Places where text without a syntax tree may be cut: paragraphs, lines, and last inside a line.

Knows no headings (headings.py) and no grammar.
"""

import re
from bisect import bisect_right
from itertools import pairwise

from .cuts import Cut, Role
from .weight import LIMIT, Weights

_BLANK_LINES = re.compile(rb"\n(?:[ \t\r\f\v]*+\n)++")
_SPACES = re.compile(rb"[ \t]*+")
_MAX_INDENT = 16


def text_cuts(data: bytes, weights: Weights, start: int, end: int, depth: int) -> list[Cut]:
    """Cuts of `[start, end)`, the first at `start`: at paragraphs, and finer where they are long.

    An indented paragraph counts as deeper, so that code without a grammar is cut between its
    definitions rather than inside them.
    """
    bounds = [start, *(m.end() for m in _BLANK_LINES.finditer(data, start, end)), end]
    if bounds[-2] == end:
        bounds.pop()
    cuts: list[Cut] = []
    for first, last in pairwise(bounds):
        cuts.append(_plain(data, first, depth))
        if weights[last] - weights[first] > LIMIT:
            cuts.extend(_line_cuts(data, weights, first, last, depth + 1))
    return cuts


def _plain(data: bytes, position: int, depth: int) -> Cut:
    spaces = _SPACES.match(data, position, position + _MAX_INDENT)
    indent = spaces.end() - position if spaces else 0
    return Cut(position, depth + indent, Role.PLAIN, False)


def _line_cuts(data: bytes, weights: Weights, start: int, end: int, depth: int) -> list[Cut]:
    cuts: list[Cut] = []
    line = start
    while line < end:
        if line > start:
            cuts.append(_plain(data, line, depth))
        newline = data.find(b"\n", line, end)
        after = end if newline < 0 else newline + 1
        cuts.extend(_cuts_inside(data, weights, line, after, depth + _MAX_INDENT))
        line = after
    return cuts


def _cuts_inside(data: bytes, weights: Weights, start: int, end: int, depth: int) -> list[Cut]:
    """Cuts inside one long line: after white space if there is some, never inside a character."""
    cuts: list[Cut] = []
    while weights[end] - weights[start] > LIMIT:
        most = bisect_right(weights, weights[start] + LIMIT, start, end) - 1
        half = (start + most) // 2
        space = max(data.rfind(b" ", half, most), data.rfind(b"\t", half, most))
        start = space + 1 if space >= 0 else _character_start(data, most)
        cuts.append(Cut(start, depth, Role.PLAIN, False))
    return cuts


def _character_start(data: bytes, position: int) -> int:
    """The start of the UTF-8 character at `position`; `position` itself where there is none."""
    for back in range(4):
        if data[position - back] & 0xC0 != 0x80:
            return position - back
    return position
