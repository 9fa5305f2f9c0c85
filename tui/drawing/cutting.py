"""Markdown cut where its top-level blocks end, so that each piece can be drawn for itself. Knows no screen."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)$")
GOES_ON = re.compile(r"\s|[-*+>|]\s?|\d{1,9}[.)]\s")
"""A line that may belong to the block before the blank line above it."""
CODE_LINES = 20
"""A longer block of code is cut into pieces of so many lines."""


@dataclass(frozen=True)
class Piece:
    """A part of a Markdown text."""

    text: str
    language: str | None = None
    """Of code, without the fences around it; "" when nobody said. None: any other Markdown."""
    goes_on: bool = False
    """Whether it goes on with the block of code in which the piece before ended."""


def pieces(text: str) -> Iterator[Piece]:
    """Cut Markdown into pieces. Text that is added later changes the last ones alone."""
    lines = text.splitlines(keepends=True)
    start, blank = 0, False
    opened: re.Match[str] | None = None
    code_start = 0
    for number, line in enumerate(lines):
        fence = FENCE.match(line.rstrip("\n"))
        if opened is not None:
            if _closes(fence, opened):
                yield _code(lines[start:number], opened, start > code_start)
                start, opened, blank = number + 1, None, False
            elif number - start == CODE_LINES:
                yield _code(lines[start:number], opened, start > code_start)
                start = number
            continue
        if fence is not None:
            yield from _plain(lines[start:number])
            start = code_start = number + 1
            opened = fence
        elif blank and line.strip() and not GOES_ON.match(line):
            yield from _plain(lines[start:number])
            start = number
        blank = not line.strip()
    if opened is not None:
        yield _code(lines[start:], opened, start > code_start)
    else:
        yield from _plain(lines[start:])


def _closes(fence: re.Match[str] | None, opened: re.Match[str]) -> bool:
    return fence is not None and fence["mark"].startswith(opened["mark"]) and not fence["info"]


def _code(lines: list[str], opened: re.Match[str], goes_on: bool) -> Piece:
    return Piece("".join(lines), opened["info"].strip().partition(" ")[0], goes_on)


def _plain(lines: list[str]) -> Iterator[Piece]:
    text = "".join(lines)
    if text.strip():
        yield Piece(text)
