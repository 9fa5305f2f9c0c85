"""The line at the top: which repository, which model, how fresh the memory is, and what goes on behind it."""

from dataclasses import dataclass

from textual.reactive import reactive
from textual.strip import Strip

from megacontext.agent.edits.change import visible

from ..drawing.drawn import Drawn
from ..drawing.look import Piece


@dataclass(frozen=True)
class Status:
    """What the line tells."""

    repository: str = ""
    branch: str = ""
    model: str = ""
    device: str = ""
    codec: str = ""
    fresh: str = "opening"
    """fresh, or in words what it is waiting for."""
    is_fresh: bool = False
    gists: float | None = None
    """Share of chunks that have their gists; None when none are made."""
    activity: str = ""
    """Background work, with how far it is."""


class StatusLine(Drawn):
    """Drops what matters least where there is no room for all."""

    status: reactive[Status] = reactive(Status())

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        line = self.look.line(self._pieces(width), width) if y == 0 else Strip([])
        return line.extend_cell_length(width).apply_style(self.rich_style)

    def _pieces(self, width: int) -> list[Piece]:
        left, right = self._left(), self._right()
        while left and right and _length(left) + _length(right) + 2 > width:
            # From the left the last goes first; what is under way is told as long as possible.
            (left if len(left) > 1 else right).pop()
        gap = max(1, width - _length(left) - _length(right) - 1)
        return [*left, (" " * gap, "plain"), *right]

    def _left(self) -> list[Piece]:
        status, dot = self.status, self.look.glyphs.separator
        model = f" {dot} ".join(filter(None, (status.model, status.device, status.codec)))
        return [
            piece
            for piece in (
                (f" {visible(status.repository) or 'megacontext'}", "heading"),
                (f"  {visible(status.branch)}" if status.branch else "", "dim"),
                (f"  {visible(model)}" if model else "", "plain"),
            )
            if piece[0]
        ]

    def _right(self) -> list[Piece]:
        status, glyphs = self.status, self.look.glyphs
        fresh = f"{glyphs.dot if status.is_fresh else glyphs.running} {status.fresh}"
        pieces: list[Piece] = [(fresh, "ok" if status.is_fresh else "warn")]
        if status.activity:
            pieces.insert(0, (f"{status.activity}  ", "warn"))
        if status.gists is not None:
            pieces.append((f"  gists {status.gists:.0%}", "dim"))
        return pieces


def _length(pieces: list[Piece]) -> int:
    return sum(len(text) for text, _ in pieces)
