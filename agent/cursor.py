"""The text around a cursor: what a completion continues. Knows text and lines, no model.

Lines end with a line feed and with nothing else, as git, editors and the chunker count them; a carriage return
before it belongs to the line's end.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from megacontext.configs.errors import FocusError
from megacontext.memory.focus import Position, Span

PLACE = re.compile(r"(?P<path>.+?):(?P<line>[0-9]{1,9})(?::(?P<column>[0-9]{1,9}))?")
CHARS_PER_TOKEN = 4
"""More than source text has, so that what fits by this measure is nearly all that fits."""
PAGES = 8
"""The prefix begins at a multiple of an eighth of its room, so that it rarely moves while somebody types
and the model's cache of everything before it stays good."""

Count = Callable[[str], int]


@dataclass(frozen=True)
class Cursor:
    """A place in a text, and the text around it that goes into a prompt."""

    at: Position
    prefix: str
    suffix: str
    span: Span
    """The lines that `prefix` and `suffix` cover."""


def parse_place(text: str) -> Position:
    """`PATH:LINE[:COLUMN]`, 1-based; raises FocusError when it is none."""
    found = PLACE.fullmatch(text)
    line, column = (int(found["line"]), int(found["column"] or "1")) if found else (0, 0)
    if found is None or line < 1 or column < 1:
        raise FocusError(
            f"{text!r} is no place: write PATH:LINE:COLUMN, counted from 1, such as src/app.py:120:5"
        )
    return Position(found["path"], line, column)


def cursor_at(
    text: str, at: Position, prefix_tokens: int, suffix_tokens: int, count: Count
) -> Cursor:
    """Cut a prefix and a suffix of at most so many tokens, as `count` tells them, out of a file's text.

    The column counts characters. Raises FocusError when the line or the column is not in the text.
    """
    offset = _offset(text, at)
    start = _prefix_start(text, offset, prefix_tokens, count)
    end = _suffix_end(text, offset, suffix_tokens, count)
    first = text.count("\n", 0, start) + 1
    last = text.count("\n", 0, max(end - 1, start)) + 1
    return Cursor(at, text[start:offset], text[offset:end], Span(at.path, first, last))


def check_place(text: str, at: Position) -> None:
    """Raise FocusError when the line or the column is not in the text."""
    _offset(text, at)


def _offset(text: str, at: Position) -> int:
    lines = text.split("\n")
    if at.line > len(lines):
        raise FocusError(f"{at.path} has {len(lines)} lines, so there is no line {at.line}")
    line = lines[at.line - 1]
    if at.line < len(lines):
        line = line.removesuffix("\r")
    if at.column > len(line) + 1:
        raise FocusError(
            f"{at.path}:{at.line} has {len(line)} characters, so there is no column {at.column}"
        )
    return sum(len(before) + 1 for before in lines[: at.line - 1]) + at.column - 1


def _prefix_start(text: str, offset: int, tokens: int, count: Count) -> int:
    page = max(1, tokens * CHARS_PER_TOKEN // PAGES)
    number = -(-max(0, offset - page * PAGES) // page)
    while (start := _page_start(text, number, page)) < offset:
        if count(text[start:offset]) <= tokens:
            return start
        number += 1
    return offset


def _page_start(text: str, number: int, page: int) -> int:
    if number == 0:
        return 0
    # Whole lines only, unless a line is longer than a page.
    newline = text.find("\n", number * page, (number + 1) * page)
    return newline + 1 if newline >= 0 else number * page


def _suffix_end(text: str, offset: int, tokens: int, count: Count) -> int:
    room = tokens * CHARS_PER_TOKEN
    while True:
        end = min(len(text), offset + room)
        if end < len(text) and (newline := text.rfind("\n", offset, end)) >= 0:
            end = newline + 1
        taken = count(text[offset:end])
        if taken <= tokens:
            return end
        room = room * tokens // taken
