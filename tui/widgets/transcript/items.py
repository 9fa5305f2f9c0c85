"""What a conversation is made of on the screen. Each item draws itself for a width; none knows the app.

All text comes from people, models and files, so `visible` takes out whatever could drive a terminal.
"""

from dataclasses import dataclass, field
from typing import ClassVar

from textual.strip import Strip

from megacontext.agent.edits.change import visible

from ...drawing.code import code_lines, language_of
from ...drawing.look import BLANK, Look
from ...drawing.markdown import MarkdownLines

SPAN_LINES = 12
"""Lines of a cited place that are shown before it is opened."""


@dataclass(eq=False)
class Item:
    """One thing in the transcript."""

    opens: ClassVar[bool] = False
    """Whether there is more to see of it."""
    opened: bool = field(default=False, kw_only=True)
    revision: int = field(default=0, init=False)
    """Counts changes, so that what was drawn before is known to be old."""

    def touch(self) -> None:
        """It looks different now."""
        self.revision += 1

    def toggle(self) -> None:
        """Show more of it, or less."""
        if self.opens:
            self.opened = not self.opened
            self.touch()

    @property
    def plain(self) -> str:
        """Its text, for the clipboard."""
        return ""

    @property
    def place(self) -> tuple[str, int] | None:
        """The path and line that it is about."""
        return None

    def guess_height(self, width: int) -> int:
        """About as many lines as it takes, told without drawing it."""
        text = self.plain
        return 1 + sum(1 + len(line) // max(1, width) for line in text.split("\n"))

    def draw(self, width: int, look: Look) -> list[Strip]:
        """Its lines, at most `width` cells wide."""
        raise NotImplementedError


@dataclass(eq=False)
class Said(Item):
    """What the person wrote."""

    text: str

    @property
    def plain(self) -> str:
        """What they wrote."""
        return self.text

    def draw(self, width: int, look: Look) -> list[Strip]:
        """The text behind a mark."""
        mark = f"{look.glyphs.prompt} "
        lines = look.wrapped([(visible(self.text), "you")], width - 2)
        first = look.line([(mark, "you")], 2)
        rest = look.line([("  ", "you")], 2)
        return [
            BLANK,
            *(Strip.join([rest if n else first, line]) for n, line in enumerate(lines)),
        ]


class Answer(Item):
    """What the model writes; it may still grow."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self._lines = MarkdownLines(visible(text))

    @property
    def plain(self) -> str:
        """The Markdown."""
        return self._lines.source

    def add(self, text: str) -> None:
        """More of it."""
        self._lines.add(visible(text))
        self.touch()

    def draw(self, width: int, look: Look) -> list[Strip]:
        """Markdown."""
        return [BLANK, *self._lines.strips(width, look)]


@dataclass(eq=False)
class Note(Item):
    """One line beside the conversation."""

    text: str
    role: str = "dim"

    @property
    def plain(self) -> str:
        """The line."""
        return self.text

    def draw(self, width: int, look: Look) -> list[Strip]:
        """The line behind a sign that tells trouble from news."""
        sign = {"bad": look.glyphs.bad, "ok": look.glyphs.ok, "warn": "!"}.get(
            self.role, look.glyphs.notice
        )
        return look.wrapped([(f"{sign} {visible(self.text)}", self.role)], width, indent=2)


@dataclass(eq=False)
class Cite(Note):
    """A place that an answer names."""

    place_of: tuple[str, int] | None = None

    @property
    def place(self) -> tuple[str, int] | None:
        """Where it is, if it is anywhere."""
        return self.place_of


@dataclass(eq=False)
class Code(Item):
    """Code that stands for itself: a completion, a program's output."""

    title: str
    text: str = ""
    language: str = "text"
    place_of: tuple[str, int] | None = None

    @property
    def plain(self) -> str:
        """The code."""
        return self.text

    @property
    def place(self) -> tuple[str, int] | None:
        """Where it belongs."""
        return self.place_of

    def add(self, text: str) -> None:
        """More of it."""
        self.text += visible(text)
        self.touch()

    def draw(self, width: int, look: Look) -> list[Strip]:
        """A title and the code."""
        title = look.line([(visible(self.title), "path")], width)
        return [BLANK, title, *code_lines(self.text, self.language, width, look)]


@dataclass(eq=False)
class Place(Item):
    """A place that answers, with its text."""

    opens: ClassVar[bool] = True
    path: str
    start_line: int
    end_line: int
    text: str
    reasons: tuple[str, ...] = ()

    @property
    def plain(self) -> str:
        """The place and its text."""
        return f"{self.path}:{self.start_line}-{self.end_line}\n{self.text}"

    @property
    def place(self) -> tuple[str, int]:
        """Its first line."""
        return self.path, self.start_line

    def guess_height(self, width: int) -> int:
        """A title, and the first lines while it is closed."""
        lines = self.text.count("\n") + 1
        return 3 + (lines if self.opened else min(lines, SPAN_LINES))

    def draw(self, width: int, look: Look) -> list[Strip]:
        """The place, why it was chosen, and its first lines or all of it."""
        lines = visible(self.text).rstrip().split("\n")
        shown = lines if self.opened else lines[:SPAN_LINES]
        more = len(lines) - len(shown)
        sign = look.glyphs.open if self.opened or not more else look.glyphs.closed
        where = visible(f"{self.path}:{self.start_line}-{self.end_line}")
        why = f"  {'; '.join(self.reasons)}" if self.reasons else ""
        title = look.line([(f"{sign} ", "tool"), (where, "path"), (visible(why), "dim")], width)
        drawn = [BLANK, title]
        drawn += code_lines("\n".join(shown), language_of(self.path), width, look)
        if more:
            hint = f"  {look.glyphs.ellipsis} {more} more lines"
            drawn.append(look.line([(hint, "dim")], width))
        return drawn
