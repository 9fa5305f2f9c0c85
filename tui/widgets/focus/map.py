"""The map of the memory: one glyph an entry, files and folders labelled, and one entry selected."""

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.timer import Timer

from megacontext.agent.edits.change import visible

from ... import keys
from ...desk.picture import Mark, Picture, Row
from ...drawing.drawn import DrawnScroll
from ...drawing.look import Piece
from .layout import Layout, MapLine

FLASH_S = 1.2
"""For so long after a refocus stands out what has changed."""


class FocusMap(DrawnScroll, can_focus=True):
    """The cut of the memory. Draws lines in sight only, since a large repository has thousands of entries."""

    BINDINGS: ClassVar[list[BindingType]] = keys.FOCUS_MAP
    picture: reactive[Picture] = reactive(Picture())
    rendered_only: reactive[bool] = reactive(False)
    """Whether what is silent is left out."""
    needle: reactive[str] = reactive("")
    """Entries whose path holds this are found by `again`."""

    @dataclass
    class Selected(Message):
        """Another entry is selected, or the same in another focus."""

        mark: Mark | None

    @dataclass
    class Wish(Message):
        """The person wants an entry expanded, collapsed, pinned, released, shown or edited."""

        action: str
        mark: Mark

    class FindAsked(Message):
        """The person wants to find an entry by its path."""

    class Left(Message):
        """The person is done with the map."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.entries: list[Mark] = []
        """In the order of the map."""
        self.cursor = 0
        self._rows: tuple[Row, ...] = ()
        self._layout = Layout((), 0, 0)
        self._flash: Timer | None = None
        self._flashing = False

    # State

    @property
    def mark(self) -> Mark | None:
        """The selected entry."""
        return self.entries[self.cursor] if self.cursor < len(self.entries) else None

    def watch_picture(self, before: Picture, now: Picture) -> None:
        """Show another focus; the selected entry stays selected, or becomes the best one."""
        self._arrange()
        if now.changed:
            self._flashing = True
            if self._flash is not None:
                self._flash.stop()
            self._flash = self.set_timer(FLASH_S, self._end_flash)

    def watch_rendered_only(self) -> None:
        """Leave out or show what is silent."""
        self._arrange()

    def _arrange(self) -> None:
        selected = self.mark
        rows = self.picture.rows
        if self.rendered_only:
            rows = tuple(row.rendered for row in rows if row.rendered.marks)
        self._rows = rows
        self.entries = [mark for row in rows for mark in row.marks]
        self.cursor = self._found(selected)
        self._lay_out()
        self.post_message(self.Selected(self.mark))

    def _found(self, selected: Mark | None) -> int:
        places = {mark.place: number for number, mark in reversed(list(enumerate(self.entries)))}
        wanted = [selected, *self.picture.best[:1]]
        return next((places[m.place] for m in wanted if m and m.place in places), 0)

    def _end_flash(self) -> None:
        self._flashing = False
        self.refresh()

    def _lay_out(self) -> None:
        if not self.is_mounted:
            return
        width = self.scrollable_content_region.width
        self._layout = Layout.of(self._rows, width)
        self.virtual_size = Size(width, len(self._layout.lines))
        self._scroll_to_cursor()
        self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Fold the rows anew."""
        self._lay_out()

    def on_focus(self) -> None:
        """Show the cursor, and ask for the entry's text if that was out of sight before."""
        self.refresh()
        self.post_message(self.Selected(self.mark))

    def on_blur(self) -> None:
        """Show the cursor as one that does not move."""
        self.refresh()

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line of what is in sight."""
        width = self.scrollable_content_region.width
        number = y + self.scroll_offset.y
        if not self.entries and y == 0:
            line = self.look.line([("nothing is focused yet", "dim")], width)
        elif number < len(self._layout.lines):
            line = self.look.line(self._pieces(self._layout.lines[number]), width)
        else:
            line = Strip([])
        return line.extend_cell_length(width).apply_style(self.rich_style)

    def _pieces(self, line: MapLine) -> list[Piece]:
        row, width = self._rows[line.row], self._layout.label_width
        label = self.look.glyphs.shortened(visible(row.label), width) if line.is_start else ""
        spoken = any(not mark.silent for mark in row.marks)
        pieces: list[Piece] = [(f"{label:<{width}}  ", "path" if spoken else "silent")]
        return pieces + [self._glyph(entry) for entry in range(line.first, line.first + line.count)]

    def _glyph(self, entry: int) -> Piece:
        mark, glyphs = self.entries[entry], self.look.glyphs
        sign = glyphs.silent if mark.silent else glyphs.level(mark.level)
        role = "silent" if mark.silent else f"level-{min(mark.level, 3)}"
        if self._flashing and mark.place in self.picture.changed:
            role = "changed"
        if entry == self.cursor and self.has_focus:
            # A sign of its own: of a high one reversed next to nothing would be seen.
            return glyphs.here, "cursor"
        return sign, role

    # Moving

    def _select(self, entry: int) -> None:
        if not self.entries:
            return
        self.cursor = max(0, min(len(self.entries) - 1, entry))
        self._scroll_to_cursor()
        self.refresh()
        self.post_message(self.Selected(self.mark))

    def _scroll_to_cursor(self) -> None:
        if self._layout.lines:
            line = self._layout.line_of(self.cursor)
            region = Region(0, line, 1, 1)
            self.scroll_to_region(region, animate=False, immediate=True, force=True)

    def action_entry(self, step: int) -> None:
        """Go to the entry before or behind."""
        self._select(self.cursor + step)

    def action_row(self, lines: int) -> None:
        """Go up or down."""
        self._select(self._layout.moved(self.cursor, lines))

    def action_ends(self, direction: int) -> None:
        """Go to the first or the last entry."""
        self._select(0 if direction < 0 else len(self.entries) - 1)

    def action_again(self, step: int) -> None:
        """Go to the next entry that was looked for; without a search, to the next that is rendered."""
        count = len(self.entries)
        for distance in range(1, count + 1):
            entry = (self.cursor + step * distance) % count
            if self._is_wanted(self.entries[entry]):
                self._select(entry)
                return

    def _is_wanted(self, mark: Mark) -> bool:
        return self.needle in mark.path.lower() if self.needle else not mark.silent

    def find(self, text: str) -> bool:
        """Go to the first entry from here on whose path holds `text`; whether there is one."""
        self.needle = text.strip().lower()
        if not self.needle or not any(self._is_wanted(mark) for mark in self.entries):
            return False
        if not self._is_wanted(self.entries[self.cursor]):
            self.action_again(1)
        return True

    # Wishes

    def _wish(self, action: str) -> None:
        if self.mark is not None:
            self.post_message(self.Wish(action, self.mark))

    def action_show(self) -> None:
        """Show the entry's text at its level."""
        self._wish("show")

    def action_expand(self) -> None:
        """Verbatim, please."""
        self._wish("expand")

    def action_collapse(self) -> None:
        """Not at all, please."""
        self._wish("collapse")

    def action_pin(self) -> None:
        """Verbatim, and keep it so."""
        self._wish("pin")

    def action_release(self) -> None:
        """As the scorer thinks."""
        self._wish("release")

    def action_edit(self) -> None:
        """Into the editor."""
        self._wish("edit")

    def action_find(self) -> None:
        """Look for a path."""
        self.post_message(self.FindAsked())

    def action_rendered(self) -> None:
        """Show only what is in focus, or everything."""
        self.rendered_only = not self.rendered_only

    def action_leave(self) -> None:
        """Go back to the chat."""
        self.post_message(self.Left())

    def on_click(self, event: events.Click) -> None:
        """Select what is under the mouse."""
        line = event.y + self.scroll_offset.y
        if line < len(self._layout.lines):
            found = self._layout.lines[line]
            column = event.x - self._layout.label_width - 2
            self._select(found.first + max(0, min(column, found.count - 1)))
