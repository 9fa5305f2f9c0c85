"""Places in a text, as the Language Server Protocol counts them. Knows text alone.

A line ends with LF, CRLF or a lone CR, and with nothing else: not with a form feed, as `str.splitlines` has it.
A character counts as many units as the agreed encoding takes for it. A place behind the end of a line is its end, a
line behind the last is the end of the text, and a place inside of a character is its start.
"""

import re
from collections.abc import Sequence
from typing import Final

from lsprotocol import types

# Nothing is tried twice, so that a last line of a hundred thousand characters costs no more than many short ones.
_LINES: Final = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++")

Encoding = types.PositionEncodingKind
ENCODINGS: Final = (Encoding.Utf8, Encoding.Utf16, Encoding.Utf32)


def split_lines(text: str) -> list[str]:
    """Lines with their ends; the last one has none and may be empty. Joined they are the text."""
    lines = _LINES.findall(text)
    if not lines or lines[-1].endswith(("\r", "\n")):
        lines.append("")
    return lines


def content(line: str) -> str:
    """A line without its end."""
    return line.rstrip("\r\n")


def units(text: str, encoding: Encoding) -> int:
    """How many units of an encoding `text` takes."""
    if encoding == Encoding.Utf32 or text.isascii():
        return len(text)
    if encoding == Encoding.Utf8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def column_of(line: str, character: int, encoding: Encoding) -> int:
    """Characters before a place in a line, from units before it."""
    text = content(line)
    if encoding == Encoding.Utf32 or text.isascii():
        return min(character, len(text))
    left = character
    for column, char in enumerate(text):
        left -= units(char, encoding)
        if left < 0:
            return column
    return len(text)


def place_of(lines: Sequence[str], at: types.Position, encoding: Encoding) -> tuple[int, int]:
    """Line and column, both from 0 and in characters; what is out of range is the nearest that is in it."""
    if at.line >= len(lines):
        return len(lines) - 1, len(lines[-1])
    return at.line, column_of(lines[at.line], at.character, encoding)


def position_of(lines: Sequence[str], line: int, column: int, encoding: Encoding) -> types.Position:
    """The position of a place in characters, cut to what the text has."""
    if line >= len(lines):
        line, column = len(lines) - 1, len(lines[-1])
    before = content(lines[line])[:column]
    return types.Position(line, units(before, encoding))
