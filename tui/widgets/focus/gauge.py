"""How much of the budget is used, as figures and as a bar."""

from textual.reactive import reactive
from textual.strip import Strip

from ...drawing.drawn import Drawn
from ...drawing.look import Look, Piece
from ...glyphs import Glyphs

EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(used: int, budget: int, cells: int, glyphs: Glyphs) -> str:
    """A bar of so many cells; in eighths of a cell where the terminal can show them."""
    share = min(1.0, used / budget) if budget else 0.0
    if glyphs.is_ascii:
        filled = round(share * cells)
        return glyphs.full * filled + glyphs.empty * (cells - filled)
    eighths = round(share * cells * 8)
    full, rest = divmod(eighths, 8)
    return (glyphs.full * full + EIGHTHS[rest] * (rest > 0)).ljust(cells)


def gauge(used: int, budget: int, cells: int, look: Look) -> list[Piece]:
    """Figures and a bar, of about `cells` cells."""
    if not budget:
        return [("no focus yet", "dim")]
    figures = f"{used:,} / {budget:,}"
    room = cells - len(figures) - 1
    drawn = f" {bar(used, budget, min(room, 12), look.glyphs)}" if room >= 4 else ""
    return [(figures, "plain"), (drawn, "level-0")]


class BudgetGauge(Drawn):
    """The line above the map."""

    totals: reactive[tuple[int, int]] = reactive((0, 0))

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        pieces = gauge(*self.totals, width - 8, self.look)
        line = self.look.line([("focus  ", "heading"), *pieces], width) if y == 0 else Strip([])
        return line.extend_cell_length(width).apply_style(self.rich_style)
