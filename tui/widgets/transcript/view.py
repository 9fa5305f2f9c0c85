"""The transcript: a list of items of which only those in sight are drawn.

Ten messages cost as much as ten thousand: an item that was never in sight has a guessed height, which is put right
when it comes into sight, without moving what is already there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from ... import keys
from ...drawing.drawn import DrawnScroll
from .finished import GUTTER, FinishedLines, Ground
from .heights import Heights
from .items import Item


class Transcript(DrawnScroll, can_focus=True):
    """Items from top to bottom. While it stands at the end, it follows what is added."""

    BINDINGS: ClassVar[list[BindingType]] = keys.TRANSCRIPT
    selected: reactive[int | None] = reactive[int | None](None)
    """Index of the item that keys act on."""

    @dataclass
    class OpenPlace(Message):
        """The person wants to see a place in their editor."""

        path: str
        line: int

    @dataclass
    class Copied(Message):
        """The person wants this text in the clipboard."""

        text: str

    @dataclass
    class Left(Message):
        """The person is done with the transcript."""

        forward: bool
        """Whether to the next part of the screen, or back to the prompt."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.items: list[Item] = []
        self.following = True
        """Whether the end stays in sight."""
        self._heights = Heights()
        self._lines = FinishedLines()

    # What there is

    def add(self, *items: Item) -> None:
        """Put items at the end."""
        self.items += items
        self._heights.add(item.guess_height(self._width) for item in items)
        self._lay_out()

    def clear(self) -> None:
        """Take everything out."""
        self.items.clear()
        self._heights.set(())
        self._lines.clear()
        self.selected = None
        self.following = True
        self._lay_out()

    def changed(self, items: Iterable[Item]) -> None:
        """These look different now. Those near the end are found quickly."""
        if not self._is_there:
            return
        before = self._heights.total, self.scroll_offset.y
        first = before[0]
        for item in items:
            at = next(i for i in range(len(self.items) - 1, -1, -1) if self.items[i] is item)
            self._heights.forget(at)
            first = min(first, self._heights.tops[at] + self._lines.first_change(item))
        self._settle()
        if before == (self._heights.total, self.scroll_offset.y) or self._is_same_above(*before):
            # An answer that grows changes its last lines thirty times a second, and no others.
            self.refresh_lines(first, max(1, self._heights.total - first))
        else:
            self.refresh()

    def _is_same_above(self, total: int, top: int) -> bool:
        return self._heights.total > total and self.scroll_offset.y == top

    # Where it is

    @property
    def _width(self) -> int:
        return max(10, self.scrollable_content_region.width - GUTTER)

    @property
    def _is_there(self) -> bool:
        return self.is_mounted and bool(self.size)

    def _lay_out(self) -> None:
        """Measure what is in sight, put the scroll position right, and paint all of it."""
        if self._is_there:
            self._settle()
            self.refresh()

    def _settle(self) -> None:
        if self._lines.use(Ground(self._width, self.look, self.rich_style)):
            self._heights.set(item.guess_height(self._width) for item in self.items)
        height = self.scrollable_content_region.height
        if self.following:
            self._heights.settle_end(height, self._measured)
            self._resize()
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)
            self.following = True
        else:
            top = self._heights.settle_at(self.scroll_offset.y, height, self._measured)
            self._resize()
            if top != self.scroll_offset.y:
                # Without a watcher, which would measure again.
                self.set_scroll(None, top)
                self.vertical_scrollbar.position = top

    def _measured(self, at: int) -> int:
        return len(self._lines.of(self.items[at]))

    def _resize(self) -> None:
        size = Size(self._width, self._heights.total)
        if size != self.virtual_size:
            # Not by assignment, which lays out the whole screen; nothing but the scroll bar depends on it.
            self.set_reactive(Transcript.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = size.height

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line of what is in sight."""
        line = y + self.scroll_offset.y
        at = self._heights.item_at(line)
        if not 0 <= at < len(self.items):
            return Strip.blank(self.scrollable_content_region.width, self.rich_style)
        lines, inside = self._lines.of(self.items[at]), line - self._heights.tops[at]
        if inside >= len(lines):
            return Strip.blank(self.scrollable_content_region.width, self.rich_style)
        if at == self.selected and self.has_focus:
            return self._lines.marked(lines[inside], self.look.glyphs.selected)
        return lines[inside]

    # Events

    def on_resize(self, event: events.Resize) -> None:
        """Everything may have another height."""
        self._lay_out()

    def notify_style_update(self) -> None:
        """Draw everything again."""
        super().notify_style_update()
        self.call_after_refresh(self._lay_out)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Measure what came into sight; at the end, follow it again."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value) and self.is_mounted:
            self.following = round(new_value) >= self.max_scroll_y
            if not self.following:
                self._lay_out()

    def on_focus(self) -> None:
        """Begin with the last item that can be opened or visited."""
        if self.selected is None and self.items:
            self.selected = self._next(len(self.items), -1)
        self.refresh()

    def on_blur(self) -> None:
        """Take the sign away."""
        self.refresh()

    def watch_selected(self) -> None:
        """Move the sign."""
        self.refresh()

    # Keys

    def _next(self, at: int, step: int) -> int | None:
        """The next item that keys can act on."""
        at += step
        while 0 <= at < len(self.items):
            item = self.items[at]
            if item.opens or item.plain:
                return at
            at += step
        return None

    def action_select(self, step: int) -> None:
        """Go to the item above (-1) or below (1)."""
        start = self.selected if self.selected is not None else len(self.items)
        if (found := self._next(start, step)) is None:
            return
        self.selected = found
        self._show(found)

    def _show(self, at: int) -> None:
        self._heights.measure(at, self._measured)
        self._heights.sum_up()
        self._resize()
        top, bottom = self._heights.tops[at : at + 2]
        region = Region(0, top, self._width, max(1, bottom - top))
        self.scroll_to_region(region, animate=False, immediate=True)

    def action_more(self) -> None:
        """Show more of the selected item, or less; a place without more is opened in the editor."""
        if self.selected is None:
            return
        item = self.items[self.selected]
        if item.opens:
            item.toggle()
            self.following = False
            self.changed([item])
            self._show(self.selected)
        else:
            self.action_edit()

    def begin_at(self, item: Item) -> None:
        """Put an item at the top, and stay there."""
        at = self.items.index(item)
        for number in range(at, len(self.items)):
            self._heights.measure(number, self._measured)
        self._heights.sum_up()
        self._resize()
        top = self._heights.tops[at]
        self.scroll_to(y=top, animate=False, immediate=True, force=True)
        self.following = top >= self.max_scroll_y
        self._lay_out()

    def toggle_last(self) -> None:
        """Show more or less of the last item that has more."""
        for at in range(len(self.items) - 1, -1, -1):
            if self.items[at].opens:
                self.items[at].toggle()
                self.changed([self.items[at]])
                return

    def action_edit(self) -> None:
        """Open the place of the selected item in the person's editor."""
        if self.selected is not None and (place := self.items[self.selected].place):
            self.post_message(self.OpenPlace(*place))

    def action_copy(self) -> None:
        """Put the text of the selected item into the clipboard."""
        if self.selected is not None and (text := self.items[self.selected].plain):
            self.post_message(self.Copied(text))

    def action_leave(self, forward: bool) -> None:
        """Go to the next part of the screen, or back to the prompt."""
        self.post_message(self.Left(forward))

    def action_scroll_home(self) -> None:
        """Go to the beginning, at once: on the way there, items that are measured would move it."""
        self.scroll_to(y=0, animate=False, immediate=True, force=True)
        self.following = self.max_scroll_y == 0
        self._lay_out()

    def action_end(self) -> None:
        """Go to the end and follow it."""
        self.following = True
        self._lay_out()
