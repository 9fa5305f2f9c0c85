"""The selected entry: where it is, at which level, its score with the reasons, and how its text begins."""

from textual.reactive import reactive
from textual.strip import Strip

from megacontext.agent.edits.change import visible

from ...desk.picture import Mark
from ...drawing.code import code_lines, language_of
from ...drawing.drawn import Drawn
from ...drawing.look import Piece

LEVELS = {0: "verbatim", 1: "gist of a block", 2: "signature", 3: "outline of a file"}


def level_name(level: int) -> str:
    """A level in words."""
    return LEVELS.get(level, "line of a folder")


class EntryDetails(Drawn):
    """Some lines about one entry."""

    mark: reactive[Mark | None] = reactive[Mark | None](None)
    was: reactive[int | None] = reactive[int | None](None)
    """The level at which it was rendered before the last refocus."""
    text: reactive[str] = reactive("")
    """Its text at its level, as far as it is known yet."""

    def render_line(self, y: int) -> Strip:
        """One of its lines."""
        width = self.size.width
        lines = self._lines(width)
        line = lines[y] if y < len(lines) else Strip([])
        return line.extend_cell_length(width).apply_style(self.rich_style)

    def _lines(self, width: int) -> list[Strip]:
        look, mark = self.look, self.mark
        if mark is None:
            return [look.line([("no entry is selected", "dim")], width)]
        return [
            look.line(self._where(mark), width),
            look.line(self._why(mark), width),
            *self._text(mark, width),
        ][: self.size.height]

    def _where(self, mark: Mark) -> list[Piece]:
        level = f"L{mark.level}"
        if self.was is not None and self.was != mark.level and not mark.silent:
            level = f"L{self.was}->L{mark.level}"
        state = "silent" if mark.silent else level_name(mark.level)
        return [
            (visible(mark.where), "path"),
            (f"  {level} {state}", f"level-{min(mark.level, 3)}" if not mark.silent else "silent"),
            (f"  {mark.cost:,} positions" * (not mark.silent), "dim"),
        ]

    def _why(self, mark: Mark) -> list[Piece]:
        if mark.silent:
            return [("covered, and not rendered", "dim")]
        dot = f" {self.look.glyphs.separator} "
        return [
            (f"score {mark.score:+.2f}", "strong"),
            (visible("".join(f"{dot}{reason}" for reason in mark.reasons)), "plain"),
        ]

    def _text(self, mark: Mark, width: int) -> list[Strip]:
        room = max(0, self.size.height - 2)
        text = "\n".join(self.text.split("\n")[:room])
        if not text:
            return []
        language = language_of(mark.path) if mark.level <= 2 else "text"
        return code_lines(text, language, width, self.look, indent=0)[:room]
