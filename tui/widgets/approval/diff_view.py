"""Differences, hunk by hunk; where that is wanted, each can be left out."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.strip import Strip

from megacontext.agent.edits.change import Change, Hunk, visible

from ...drawing.drawn import DrawnScroll
from ...drawing.look import Piece

ROLES = {"+": "added", "-": "removed", "\\": "dim"}


@dataclass(frozen=True)
class _Line:
    """One line: of a hunk, of a file's title, or of plain text."""

    text: str
    role: str
    hunk: int | None = None
    """Index of the hunk that it belongs to."""
    number: int | None = None
    """Its line in the file; in the old one for what goes away."""
    is_head: bool = False


class DiffView(DrawnScroll):
    """Shows changes, or a text when there are none. `choosing` lets hunks be left out."""

    current: reactive[int] = reactive(0)
    """The hunk that keys act on."""

    def __init__(self, *, choosing: bool = False, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.choosing = choosing
        self.hunks: list[tuple[str, int]] = []
        """Path, and index in its change, of each hunk."""
        self.left_out: set[int] = set()
        self._lines: list[_Line] = []

    @property
    def chosen(self) -> dict[str, set[int]]:
        """The hunks that are not left out, by path."""
        kept: dict[str, set[int]] = {}
        for number, (path, index) in enumerate(self.hunks):
            kept.setdefault(path, set())
            if number not in self.left_out:
                kept[path].add(index)
        return kept

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return not self.left_out

    @property
    def line_count(self) -> int:
        """Lines that all of it takes."""
        return len(self._lines)

    def show(self, changes: Sequence[Change]) -> None:
        """Show changes of files."""
        self.hunks, self._lines = [], []
        for change in changes:
            self._lines.append(_Line(_title(change), "path"))
            for index, hunk in enumerate(change.hunks):
                self._add(hunk)
                self.hunks.append((change.path, index))
        self._begin()

    def show_text(self, text: str, role: str = "plain") -> None:
        """Show a text instead, such as a command."""
        self.hunks = []
        self._lines = [_Line(line, role) for line in visible(text).split("\n")]
        self._begin()

    def _add(self, hunk: Hunk) -> None:
        number = len(self.hunks)
        head, *body = hunk.text.rstrip("\n").split("\n")
        self._lines.append(_Line(head, "hunk", number, is_head=True))
        old, new = hunk.old_start, hunk.new_start
        for line in body:
            mark = line[:1]
            at = {"+": new, "-": old, " ": new}.get(mark)
            self._lines.append(_Line(line, ROLES.get(mark, "plain"), number, at))
            old += mark in "- "
            new += mark in "+ "

    def _begin(self) -> None:
        self.left_out.clear()
        self.current = 0
        self._lay_out()
        self.scroll_home(animate=False)

    def _lay_out(self) -> None:
        if self.is_mounted:
            self.virtual_size = Size(self.scrollable_content_region.width, len(self._lines))
        self.refresh()

    def on_mount(self) -> None:
        """What was shown before there was a size."""
        self._lay_out()

    def on_resize(self, event: events.Resize) -> None:
        """Fit the width."""
        self._lay_out()

    def watch_current(self) -> None:
        """Mark another hunk."""
        self.refresh()

    # Keys of whoever holds the view

    def move(self, step: int) -> None:
        """Go to another hunk; without hunks, scroll."""
        if len(self.hunks) < 2:
            self.scroll_relative(y=step, animate=False)
            return
        self.current = max(0, min(len(self.hunks) - 1, self.current + step))
        first = next(n for n, line in enumerate(self._lines) if line.hunk == self.current)
        height = sum(line.hunk == self.current for line in self._lines)
        self.scroll_to_region(Region(0, first, 1, height), animate=False, immediate=True)

    def page(self, step: int) -> None:
        """Scroll by a page."""
        self.scroll_relative(y=step * max(1, self.size.height - 1), animate=False)

    def toggle(self) -> None:
        """Leave the current hunk out, or take it in again."""
        if self.choosing and self.hunks:
            self.left_out ^= {self.current}
            self.refresh()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line of what is in sight."""
        width = self.scrollable_content_region.width
        number = y + self.scroll_offset.y
        pieces = self._pieces(self._lines[number]) if number < len(self._lines) else []
        line = self.look.line(pieces, width)
        return line.extend_cell_length(width).apply_style(self.rich_style)

    def _pieces(self, line: _Line) -> list[Piece]:
        if line.hunk is None:
            return [(line.text, line.role)]
        if line.is_head:
            return [*self._sign(line.hunk), (line.text, line.role)]
        number = "" if line.number is None else str(line.number)
        role = "silent" if line.hunk in self.left_out else line.role
        return [(f"{number:>6} ", "dim"), (line.text.expandtabs(4), role)]

    def _sign(self, hunk: int) -> list[Piece]:
        if not self.choosing:
            return []
        glyphs = self.look.glyphs
        sign = glyphs.off if hunk in self.left_out else glyphs.on
        role = "cursor" if hunk == self.current and len(self.hunks) > 1 else "tool"
        return [(f"[{sign}] ", role)]


def _title(change: Change) -> str:
    added, removed = change.counts
    what = "new file  " if change.before is None else "deleted  " if change.after is None else ""
    return visible(f"{change.path}  {what}+{added} -{removed}")
