"""The text around a cursor: what a completion continues. Knows text and lines, no model."""

import re
from dataclasses import dataclass

from megacontext.configs.errors import FocusError
from megacontext.memory.focus import Position, Span

PLACE = re.compile(r"(?P<path>.+?):(?P<line>\d+)(?::(?P<column>\d+))?")
PAGES = 4
"""The prefix begins at a multiple of a quarter of its room, so that it rarely moves while somebody types
and the model's cache of everything before it stays good."""


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
    if found is None or int(found["line"]) < 1 or found["column"] == "0":
        raise FocusError(
            f"{text!r} is no place: write PATH:LINE:COLUMN, counted from 1, such as src/app.py:120:5"
        )
    return Position(found["path"], int(found["line"]), int(found["column"] or 1))


def cursor_at(text: str, at: Position, prefix_chars: int, suffix_chars: int) -> Cursor:
    """Cut a prefix and a suffix of at most so many characters out of a file's text.

    The column counts characters. Raises FocusError when the line or the column is not in the text.
    """
    lines = text.splitlines(keepends=True) or [""]
    if text.endswith(("\n", "\r")):
        lines.append("")
    if at.line > len(lines):
        raise FocusError(f"{at.path} has {len(lines)} lines, so there is no line {at.line}")
    line = lines[at.line - 1].rstrip("\r\n")
    if at.column > len(line) + 1:
        raise FocusError(
            f"{at.path}:{at.line} has {len(line)} characters, so there is no column {at.column}"
        )
    offset = sum(map(len, lines[: at.line - 1])) + at.column - 1
    start = _page_start(text, offset, prefix_chars)
    end = min(len(text), offset + suffix_chars)
    if end < len(text) and (cut := text.rfind("\n", offset, end)) > 0:
        end = cut + 1
    first = text.count("\n", 0, start) + 1
    last = text.count("\n", 0, max(end - 1, start)) + 1
    return Cursor(at, text[start:offset], text[offset:end], Span(at.path, first, last))


def _page_start(text: str, offset: int, room: int) -> int:
    if offset <= room:
        return 0
    page = max(1, room // PAGES)
    start = -(-(offset - room) // page) * page
    # Whole lines only, unless a line is longer than a page.
    newline = text.find("\n", start, min(offset, start + page))
    return newline + 1 if newline >= 0 else start
