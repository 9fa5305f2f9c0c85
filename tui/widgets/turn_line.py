"""The line above the prompt: what the agent may do, and what the present turn takes."""

from dataclasses import dataclass

from textual.reactive import reactive
from textual.strip import Strip

from ..drawing.drawn import Drawn
from ..drawing.look import Piece


@dataclass(frozen=True)
class TurnState:
    """What the line tells."""

    mode: str = "ask"
    working: str = ""
    """What is being done; "" when nothing is."""
    figures: str = ""
    """What the turn took so far, or the one before."""


class TurnLine(Drawn):
    """Mode at the left, figures at the right."""

    state: reactive[TurnState] = reactive(TurnState())

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        line = self.look.line(self._pieces(width), width) if y == 0 else Strip([])
        return line.extend_cell_length(width).apply_style(self.rich_style)

    def _pieces(self, width: int) -> list[Piece]:
        state, glyphs = self.state, self.look.glyphs
        left: list[Piece] = [(f" mode: {state.mode}", "warn" if state.mode != "ask" else "dim")]
        if state.working:
            left.append((f"  {glyphs.running} {state.working}", "tool"))
        used = sum(len(text) for text, _ in left)
        figures = state.figures if used + len(state.figures) + 3 <= width else ""
        gap = width - used - len(figures) - 1
        return [*left, (" " * max(0, gap), "dim"), (figures, "dim")]
