"""The list above the prompt of what could be meant."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.reactive import reactive
from textual.strip import Strip

from megacontext.agent.edits.change import visible

from ...drawing.drawn import Drawn
from ...drawing.look import Piece

MOST_SHOWN = 8


@dataclass(frozen=True)
class Suggestion:
    """One thing that could be meant."""

    text: str
    """What stands in the prompt if it is taken."""
    label: str
    about: str = ""
    sends: bool = False
    """Whether Enter sends it at once, since nothing more need be typed."""


class Suggestions(Drawn):
    """A few lines, of which one is chosen. The prompt moves it; it never has the focus."""

    items: reactive[tuple[Suggestion, ...]] = reactive(())
    chosen: reactive[int] = reactive(0)

    @property
    def choice(self) -> Suggestion | None:
        """The one that is chosen."""
        return self.items[self.chosen] if self.chosen < len(self.items) else None

    def show(self, items: Sequence[Suggestion]) -> None:
        """Show these, or nothing."""
        self.chosen = 0
        self.items = tuple(items)
        self.display = bool(items)
        self.styles.height = min(MOST_SHOWN, max(1, len(items)))

    def move(self, step: int) -> None:
        """Choose another one, round and round."""
        if self.items:
            self.chosen = (self.chosen + step) % len(self.items)

    def render_line(self, y: int) -> Strip:
        """One of them."""
        width, look = self.size.width, self.look
        first = max(0, min(self.chosen - MOST_SHOWN // 2, len(self.items) - MOST_SHOWN))
        number = first + y
        pieces: list[Piece] = []
        if number < len(self.items):
            item, is_chosen = self.items[number], number == self.chosen
            label = visible(item.label)
            space = min(width // 2, max(len(each.label) for each in self.items))
            pieces = [
                (f"{look.glyphs.selected if is_chosen else ' '} ", "tool"),
                (f"{label:<{space}}  ", "cursor" if is_chosen else "plain"),
                (visible(item.about), "dim"),
            ]
        line = look.line(pieces, width)
        return line.extend_cell_length(width).apply_style(self.rich_style)
