"""Markdown as lines, piece by piece, so that an answer that grows is not drawn from its beginning each time.

Pieces that are finished are drawn once; only the end is drawn again when text is added. Text is shown, never run: no
HTML, no pictures, no links behind other words.
"""

from functools import cache

from markdown_it import MarkdownIt
from rich import markdown as rich_markdown
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text
from textual.strip import Strip

from .code import code_lines
from .cutting import Piece, pieces
from .look import BLANK, Look

INDENT = 2
"""Of code."""


class _Heading(rich_markdown.Heading):
    """A heading at the left, told by its marks too, since colour alone tells nothing."""

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
        "heading_open": _Heading,
        "image": _Picture,
    }

    def __init__(self, text: str, code_theme: str) -> None:
        # Not that of the class above: it makes a parser each time, and a parser takes longer than a paragraph.
        self.markup = text
        self.parsed = _parser().parse(text)
        self.code_theme = self.inline_code_theme = code_theme
        self.justify = self.inline_code_lexer = None
        self.style = "none"
        self.hyperlinks = False


@cache
def _parser() -> MarkdownIt:
    # Without HTML, or `List<int>` in a sentence would lose its <int>.
    return MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])


class MarkdownLines:
    """The lines of one text that may grow, for one width and one look at a time."""

    def __init__(self, source: str = "") -> None:
        self._parts = [source]
        self._drawn: list[tuple[Piece, list[Strip]]] = []
        self._for: tuple[int, Look] | None = None

    @property
    def source(self) -> str:
        """All of the text."""
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0]

    def add(self, text: str) -> None:
        """The text goes on."""
        self._parts.append(text)  # to add it to a long text each time would copy that each time

    def strips(self, width: int, look: Look) -> list[Strip]:
        """All lines; those that were drawn before and have not changed are the very same objects."""
        if self._for != (width, look):
            self._for = width, look
            self._drawn = []
        count = 0
        for count, piece in enumerate(pieces(self.source), start=1):
            if count > len(self._drawn) or self._drawn[count - 1][0] != piece:
                self._drawn[count - 1 :] = [(piece, draw(piece, width, look))]
        del self._drawn[count:]
        lines: list[Strip] = []
        for piece, strips in self._drawn:
            lines += [BLANK] * (bool(lines) and not piece.goes_on) + strips
        return lines


def draw(piece: Piece, width: int, look: Look) -> list[Strip]:
    """One piece as lines, without empty ones around it."""
    if piece.language is not None:
        return code_lines(piece.text, piece.language or "text", width, look, INDENT)
    lines = look.strips(_Markdown(piece.text, look.code_theme), width)
    filled = [number for number, line in enumerate(lines) if line.text.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []
