"""What things look like: glyphs, and styles by role as the style sheet has them. Knows no data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rich.console import Console, RenderableType
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from rich.theme import Theme
from textual.strip import Strip

from ..glyphs import Glyphs

ROLES = (
    "plain",
    "dim",
    "strong",
    "you",
    "tool",
    "ok",
    "bad",
    "warn",
    "path",
    "code",
    "heading",
    "link",
    "added",
    "removed",
    "hunk",
    "cursor",
    "changed",
    "silent",
    "level-0",
    "level-1",
    "level-2",
    "level-3",
)
"""Each is a class `look--ROLE` of the style sheets."""
COMPONENTS = {f"look--{role}" for role in ROLES}
AS_ASCII = str.maketrans("•▌─━│┃", "*|--||")
"""What Rich draws Markdown with."""
BLANK = Strip([])
"""An empty line."""
Piece = tuple[str, str]
"""Text and its role."""


@dataclass(frozen=True, eq=False)
class Look:
    """How everything is drawn at present; a change of theme makes another one."""

    glyphs: Glyphs
    styles: Mapping[str, Style]
    console: Console
    code_theme: str

    def __getitem__(self, role: str) -> Style:
        """The style of a role."""
        return self.styles[role]

    def level(self, level: int) -> Style:
        """The style of an entry at a level of detail."""
        return self.styles[f"level-{min(level, 3)}"]

    def text(self, pieces: Iterable[Piece | str], end: str = "") -> Text:
        """Text of pieces with roles."""
        text = Text(end=end)
        for piece in pieces:
            words, role = (piece, "plain") if isinstance(piece, str) else piece
            text.append(words, self.styles[role])
        return text

    def line(self, pieces: Iterable[Piece | str], width: int) -> Strip:
        """One line, cut at `width`."""
        text = self.text(pieces)
        text.truncate(max(1, width), overflow="crop" if self.glyphs.is_ascii else "ellipsis")
        return Strip(text.render(self.console))

    def wrapped(self, pieces: Iterable[Piece | str], width: int, indent: int = 0) -> list[Strip]:
        """Text folded to `width`, all lines but the first moved by `indent`."""
        text = self.text(pieces)
        lines = text.wrap(self.console, max(1, width - indent), overflow="fold", tab_size=4)
        space = Segment(" " * indent)
        return [
            Strip([*([space] if indent and number else []), *line.render(self.console)])
            for number, line in enumerate(lines)
        ] or [Strip([])]

    def strips(self, renderable: RenderableType, width: int) -> list[Strip]:
        """Anything that Rich can draw."""
        options = self.console.options.update(width=max(1, width), height=None)
        lines = self.console.render_lines(renderable, options, pad=False)
        plain = self.glyphs.is_ascii
        return [Strip([_on_any_ground(segment, plain) for segment in line]) for line in lines]


def _on_any_ground(segment: Segment, plain: bool) -> Segment:
    text = segment.text.translate(AS_ASCII) if plain else segment.text
    return Segment(text, without_ground(segment.style) if segment.style else None)


@lru_cache(maxsize=1024)
def without_ground(style: Style) -> Style:
    """Without a background: it would be the terminal's own, not that of the part of the screen."""
    if style.bgcolor is None:
        return style
    return Style(
        color=style.color,
        bold=style.bold,
        dim=style.dim,
        italic=style.italic,
        underline=style.underline,
        strike=style.strike,
        reverse=style.reverse,
    )


def look_of(glyphs: Glyphs, styles: Mapping[str, Style], *, dark: bool, ansi: bool = False) -> Look:
    """The look of a theme: styles by role, and what Markdown takes from them."""
    console = Console(
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
        highlight=False,
        emoji=False,
        markup=False,
        theme=Theme(_markdown_styles(styles)),
    )
    themes = ("ansi_dark", "ansi_light") if ansi else ("one-dark", "friendly")
    return Look(glyphs, dict(styles), console, themes[not dark])


def _markdown_styles(styles: Mapping[str, Style]) -> dict[str, Style]:
    heading, code, dim = styles["heading"], styles["code"], styles["dim"]
    named = {f"markdown.h{level}": heading for level in range(1, 7)}
    return named | {
        "markdown.code": code,
        "markdown.code_block": code,
        "markdown.block_quote": dim,
        "markdown.hr": dim,
        "markdown.item.bullet": styles["tool"],
        "markdown.item.number": styles["tool"],
        "markdown.link": styles["link"],
        "markdown.link_url": dim,
        "markdown.table.border": dim,
        "markdown.table.header": styles["strong"],
    }


def joined(parts: Sequence[Sequence[Strip]]) -> list[Strip]:
    """Lists of lines as one list."""
    return [strip for part in parts for strip in part]
