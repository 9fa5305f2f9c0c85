"""The focus on one line, for screens too narrow to show the map beside the chat."""

from itertools import groupby
from pathlib import PurePosixPath

from textual.reactive import reactive
from textual.strip import Strip

from megacontext.agent.edits.change import visible

from ...desk.picture import Mark, Picture
from ...drawing.drawn import Drawn
from ...drawing.look import Piece


class FocusStrip(Drawn):
    """`greet.py ▇▇▂ words.py ▅▇ … 3,914/4,096`: the files that matter most, one glyph an entry."""

    picture: reactive[Picture] = reactive(Picture())

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        line = self.look.line(self._pieces(width), width) if y == 0 else Strip([])
        return line.extend_cell_length(width).apply_style(self.rich_style)

    def _pieces(self, width: int) -> list[Piece]:
        picture, glyphs = self.picture, self.look.glyphs
        if not picture.best:
            return [(" nothing is focused yet", "dim")]
        tail = f"{picture.total:,}/{picture.budget:,} "
        room = width - len(tail) - 3
        pieces: list[Piece] = [(" ", "dim")]
        for path, marks in files_by_worth(picture):
            name = visible(PurePosixPath(path).name or "./")
            room -= len(name) + len(marks) + 2
            if room < 0:
                pieces.append((f"{glyphs.ellipsis} ", "dim"))
                break
            pieces.append((f"{name} ", "plain"))
            for mark in marks:
                role = "changed" if mark.place in picture.changed else f"level-{min(mark.level, 3)}"
                pieces.append((glyphs.level(mark.level), role))
            pieces.append(("  ", "dim"))
        used = sum(len(text) for text, _ in pieces)
        return [*pieces, (" " * max(0, width - used - len(tail)), "dim"), (tail, "dim")]


def files_by_worth(picture: Picture) -> list[tuple[str, list[Mark]]]:
    """The paths that are rendered, the best first, each with its entries in reading order."""
    order = {mark.path: number for number, mark in reversed(list(enumerate(picture.best)))}
    rendered = [mark for row in picture.rows for mark in row.marks if not mark.silent]
    rendered.sort(key=lambda mark: (order.get(mark.path, len(order)), mark.start_line))
    return [(path, list(group)) for path, group in groupby(rendered, key=lambda mark: mark.path)]
