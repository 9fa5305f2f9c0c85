"""Lines of items as they go to the screen: with the gutter, as wide as the widget, in its colours; kept for a while."""

from dataclasses import dataclass

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from ...drawing.look import Look
from .items import Item

GUTTER = 2
"""Cells at the left for the sign of the selected item."""
KEPT = 200
"""Items whose lines are kept."""


@dataclass(frozen=True)
class Ground:
    """What lines are made for."""

    width: int
    """Cells for the item, without the gutter."""
    look: Look
    style: Style
    """Of the widget."""


@dataclass
class _Drawn:
    revision: int
    raw: list[Strip]
    lines: list[Strip]


class FinishedLines:
    """Draws items when they are first asked for, and again when they have changed."""

    def __init__(self) -> None:
        self._ground: Ground | None = None
        self._drawn: dict[Item, _Drawn] = {}

    def use(self, ground: Ground) -> bool:
        """Draw for this from now on; whether that is something new."""
        if ground == self._ground:
            return False
        self._ground = ground
        self._drawn.clear()
        return True

    def clear(self) -> None:
        """Keep nothing."""
        self._drawn.clear()

    def of(self, item: Item) -> list[Strip]:
        """All lines of an item."""
        drawn = self._drawn.pop(item, None)
        if drawn is None or drawn.revision != item.revision:
            drawn = self._draw(item, drawn)
        self._drawn[item] = drawn  # the latest last
        if len(self._drawn) > KEPT:
            del self._drawn[next(iter(self._drawn))]
        return drawn.lines

    def first_change(self, item: Item) -> int:
        """Draw an item that has changed; the number of the first line that looks different, or of lines."""
        before = self._drawn[item].lines if item in self._drawn else []
        now = self.of(item)
        pairs = enumerate(zip(before, now, strict=False))
        return next((n for n, (old, new) in pairs if old is not new), min(len(before), len(now)))

    def _draw(self, item: Item, before: _Drawn | None) -> _Drawn:
        assert self._ground is not None, "`use` comes first"
        raw = item.draw(self._ground.width, self._ground.look)
        known = (
            {id(old): line for old, line in zip(before.raw, before.lines, strict=True)}
            if before
            else {}
        )
        lines = [known.get(id(strip)) or self.finish(strip) for strip in raw]
        return _Drawn(item.revision, raw, lines)

    def finish(self, strip: Strip, mark: str = "") -> Strip:
        """One line as it goes to the screen, perhaps with a sign in the gutter."""
        assert self._ground is not None, "`use` comes first"
        look, width = self._ground.look, self._ground.width + GUTTER
        gutter = Strip([Segment(f"{mark:<{GUTTER}}", look["tool"])], GUTTER)
        return Strip.join([gutter, strip]).adjust_cell_length(width).apply_style(self._ground.style)

    def marked(self, line: Strip, mark: str) -> Strip:
        """A finished line with a sign in the gutter."""
        return self.finish(line.crop(GUTTER), mark)
