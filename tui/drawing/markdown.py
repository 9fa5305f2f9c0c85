"""Markdown as lines, piece by piece, so that an answer that grows is not drawn from its beginning each time.

A text is cut where one of its top-level blocks ends for sure. Pieces that are finished are drawn once; only the end is
drawn again when text is added. Text is shown, never run: no HTML, no pictures, no links behind other words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from markdown_it import MarkdownIt
from rich import markdown as rich_markdown
from rich.console import Console, ConsoleOptions, RenderResult
from rich.padding import Padding
from rich.syntax import Syntax
from rich.text import Text
from textual.strip import Strip

from .look import Look

FENCE = re.compile(r" {0,3}(?P<mark>`{3,}|~{3,})(?P<info>[^`]*)$")
GOES_ON = re.compile(r"\s|[-*+>|]\s?|\d{1,9}[.)]\s")
"""A line that may belong to the block before the blank line above it."""
FENCE_LINES = 40
"""A longer block of code is cut into pieces of so many lines."""


class _Code(rich_markdown.CodeBlock):
    """Code without the space that Rich puts around it, in the theme's own colours."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = str(self.text).rstrip("\n")
        syntax = Syntax(
            code, self.lexer_name, theme=self.theme, word_wrap=True, background_color="default"
        )
        yield Padding(syntax, (0, 0, 0, 2))


class _Heading(rich_markdown.Heading):
    """A heading at the left, told by its marks too, since colour alone tells nothing."""

    LEVEL_ALIGN = dict.fromkeys(rich_markdown.Heading.LEVEL_ALIGN, "left")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self.text.copy()
        style = console.get_style(self.style_name, default="bold")
        text.stylize_before(style)
        mark = "#" * int(self.tag[1:])
        yield Text.assemble((f"{mark} ", style), text)


class _Picture(rich_markdown.ImageItem):
    """A picture is told by its words and where it lies."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self.text.copy()
        text.append(f" ({self.destination})" if text else self.destination)
        text.end = ""
        yield text


class _Markdown(rich_markdown.Markdown):
    elements = {  # noqa: RUF012  as in the class above
        **rich_markdown.Markdown.elements,
        "fence": _Code,
        "code_block": _Code,
        "heading_open": _Heading,
        "image": _Picture,
    }

    def __init__(self, text: str, code_theme: str) -> None:
        super().__init__("", code_theme=code_theme, hyperlinks=False)
        self.markup = text
        # Without HTML, or `List<int>` in a sentence would lose its <int>.
        parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
        self.parsed = parser.parse(text)


@dataclass(frozen=True)
class Piece:
    """A part of a Markdown text that is drawn for itself."""

    text: str
    goes_on: bool = False
    """Whether it goes on with the block of code in which the piece before ended."""


def pieces(text: str) -> Iterator[Piece]:
    """Cut Markdown where its blocks end. Text that is added later changes the last ones alone."""
    lines = text.splitlines(keepends=True)
    start, opening, code_start = 0, "", 0
    blank = False
    for number, line in enumerate(lines):
        if opening:
            if _closes(line, opening):
                yield _code(lines, code_start, number + 1, opening, start)
                start, opening, blank = number + 1, "", False
            elif number - code_start == FENCE_LINES:
                yield _code(lines, code_start, number, opening, start)
                code_start = number
            continue
        if FENCE.match(line.rstrip("\n")):
            if number > start:
                yield Piece("".join(lines[start:number]))
            start, opening, code_start = number, line, number + 1
        elif blank and line.strip() and not GOES_ON.match(line):
            yield Piece("".join(lines[start:number]))
            start = number
        blank = not line.strip()
    if opening:
        yield _code(lines, code_start, len(lines), opening, start)
    elif start < len(lines):
        yield Piece("".join(lines[start:]))


def _closes(line: str, opening: str) -> bool:
    found, opened = FENCE.match(line.rstrip("\n")), FENCE.match(opening.rstrip("\n"))
    assert opened is not None
    return found is not None and found["mark"].startswith(opened["mark"]) and not found["info"]


def _code(lines: list[str], first: int, last: int, opening: str, start: int) -> Piece:
    """Lines of a block of code that begins at `start`; opened again where it is not their beginning."""
    goes_on = first > start + 1
    return Piece(opening + "".join(lines[first:last]), goes_on)


class MarkdownLines:
    """The lines of one text that may grow, for one width and one look at a time."""

    def __init__(self, source: str = "") -> None:
        self.source = source
        self._drawn: list[tuple[Piece, list[Strip]]] = []
        self._for: tuple[int, Look] | None = None

    def add(self, text: str) -> None:
        """The text goes on."""
        self.source += text

    def strips(self, width: int, look: Look) -> list[Strip]:
        """All lines; what was drawn before and has not changed is taken from then."""
        if self._for != (width, look):
            self._for = width, look
            self._drawn = []
        parts = [part for part in pieces(self.source) if part.text.strip()]
        for number, part in enumerate(parts):
            if number >= len(self._drawn) or self._drawn[number][0] != part:
                self._drawn[number:] = [(part, draw(part.text, width, look))]
        del self._drawn[len(parts) :]
        lines: list[Strip] = []
        for part, strips in self._drawn:
            lines += [Strip([])] * (bool(lines) and not part.goes_on) + strips
        return lines


def draw(text: str, width: int, look: Look) -> list[Strip]:
    """One piece of Markdown as lines, without empty ones around it."""
    lines = look.strips(_Markdown(text, look.code_theme), width)
    filled = [number for number, line in enumerate(lines) if line.text.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []
