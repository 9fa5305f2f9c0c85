"""Markdown cut where its top-level blocks end, so that each piece can be drawn for itself. Knows no screen."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)$")
GOES_ON = re.compile(r"\s|[-*+>|]\s?|\d{1,9}[.)]\s")
"""A line that may belong to the block before the blank line above it."""
INSIDE = re.compile(r"\s|\|")
"""A line before which no block can be cut: the rest would be something else."""
CODE_LINES = 20
"""A longer block of code is cut into pieces of so many lines."""
LONGEST = 2_000
"""Characters after which any block is cut; else one without an end would be drawn anew for each of its words."""


@dataclass(frozen=True)
class Piece:
    """A part of a Markdown text."""

    text: str
    language: str | None = None
    """Of code, without the fences around it; "" when nobody said. None: any other Markdown."""
    goes_on: bool = False
    """Whether it goes on with the block in which the piece before ended."""


def pieces(text: str) -> Iterator[Piece]:
    """Cut Markdown into pieces. Text that is added later changes the last ones alone."""
    return _Cutter().cut(_lines(text))


def _lines(text: str) -> Iterator[str]:
    """Lines with their ends; those that are too long in parts."""
    for line in text.splitlines(keepends=True):
        start = 0
        while len(line) - start > LONGEST:
            end = line.rfind(" ", start, start + LONGEST) + 1 or start + LONGEST
            yield line[start:end]
            start = end
        yield line[start:]


class _Cutter:
    """The piece that is being collected."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._size = 0
        self._goes_on = False
        self._opened: re.Match[str] | None = None
        """The fence behind which it is code."""

    def cut(self, lines: Iterator[str]) -> Iterator[Piece]:
        for line in lines:
            fence = FENCE.match(line.rstrip("\n"))
            if self._opened is not None and _closes(fence, self._opened):
                yield from self._end()
                self._opened = None
            elif self._opened is not None:
                yield from self._code(line)
            elif fence is not None:
                yield from self._end()
                self._opened = fence
            else:
                yield from self._plain(line)
        yield from self._end()

    def _code(self, line: str) -> Iterator[Piece]:
        if len(self._lines) == CODE_LINES or self._is_too_long_with(line):
            yield from self._end(goes_on=True)
        self._add(line)

    def _plain(self, line: str) -> Iterator[Piece]:
        blank = bool(self._lines) and not self._lines[-1].strip()
        if blank and line.strip() and not GOES_ON.match(line):
            yield from self._end()
        elif self._is_too_long_with(line) and not INSIDE.match(line):
            yield from self._end(goes_on=not blank)
        self._add(line)

    def _is_too_long_with(self, line: str) -> bool:
        return bool(self._lines) and self._size + len(line) > LONGEST

    def _add(self, line: str) -> None:
        self._lines.append(line)
        self._size += len(line)

    def _end(self, *, goes_on: bool = False) -> Iterator[Piece]:
        """What was collected; `goes_on` tells whether its block does."""
        text = "".join(self._lines)
        if self._opened is not None:
            language = self._opened["info"].strip().partition(" ")[0]
            yield Piece(text, language, self._goes_on)
        elif text.strip():
            yield Piece(text, None, self._goes_on)
        self._lines, self._size, self._goes_on = [], 0, goes_on


def _closes(fence: re.Match[str] | None, opened: re.Match[str]) -> bool:
    return fence is not None and fence["mark"].startswith(opened["mark"]) and not fence["info"]
