"""Where each entry stands on the map: rows of a label and glyphs, folded to a width. Knows no widget."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from ...desk.picture import Row

LABEL_SHARE = 0.45
SHORTEST_LABEL, SHORTEST_GLYPHS = 8, 8


@dataclass(frozen=True, slots=True)
class MapLine:
    """One line of the map."""

    row: int
    first: int
    """Index of its first entry among all entries, in the order of the map."""
    count: int
    is_start: bool
    """Whether the label stands here."""


@dataclass(frozen=True)
class Layout:
    """All lines of a map."""

    lines: tuple[MapLine, ...]
    label_width: int
    glyph_width: int

    @classmethod
    def of(cls, rows: Sequence[Row], width: int) -> "Layout":
        """The layout of these rows in so many cells."""
        longest = max((len(row.label) for row in rows), default=0)
        label = max(SHORTEST_LABEL, min(longest, int(width * LABEL_SHARE)))
        glyphs = max(SHORTEST_GLYPHS, width - label - 2)
        lines: list[MapLine] = []
        first = 0
        for number, row in enumerate(rows):
            for start in range(0, len(row.marks), glyphs):
                count = min(glyphs, len(row.marks) - start)
                lines.append(MapLine(number, first + start, count, start == 0))
            first += len(row.marks)
        return cls(tuple(lines), label, glyphs)

    def line_of(self, entry: int) -> int:
        """The line on which an entry stands."""
        return bisect_right(self.lines, entry, key=lambda line: line.first) - 1

    def moved(self, entry: int, lines: int) -> int:
        """The entry that stands so many lines below (or above) another one, in about the same column."""
        if not self.lines:
            return entry
        at = self.line_of(entry)
        column = entry - self.lines[at].first
        target = self.lines[max(0, min(len(self.lines) - 1, at + lines))]
        return target.first + min(column, target.count - 1)
