"""The transcript: a list of items of which only those in sight are drawn.

Ten messages cost as much as ten thousand: an item that was never in sight has a guessed height, which is put right
when it comes into sight, without moving what is already there.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from ... import keys
from ...drawing.drawn import DrawnScroll
from ...drawing.look import Look
from .items import Item

GUTTER = 2
"""Cells at the left for the sign of the selected item."""
KEPT_DRAWN = 200
"""Items whose lines are kept."""


@dataclass
class _Drawn:
    """An item's lines, and what they were drawn for."""

    revision: int
    lines: list[Strip]


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
        self._heights: list[int] = []
        self._known: list[bool] = []
        self._tops: list[int] = [0]
        self._drawn: dict[Item, _Drawn] = {}
        self._measured_for: tuple[int, Look] | None = None

    # What there is

    def add(self, *items: Item) -> None:
        """Put items at the end."""
        self.items += items
        self._heights += [item.guess_height(self._width) for item in items]
        self._known += [False] * len(items)
        self._lay_out()

    def clear(self) -> None:
        """Take everything out."""
        self.items.clear()
        self._heights.clear()
        self._known.clear()
        self._drawn.clear()
        self.selected = None
        self.following = True
        self._lay_out()

    def changed(self, items: Iterable[Item]) -> None:
        """These look different now. Those near the end are found quickly."""
        for item in items:
            at = next(i for i in range(len(self.items) - 1, -1, -1) if self.items[i] is item)
            self._known[at] = False
        self._lay_out()

    # Where it is

    @property
    def _width(self) -> int:
        return max(10, self.scrollable_content_region.width - GUTTER)

    def _lay_out(self) -> None:
        """Measure what is in sight, and put the scroll position right."""
        if not self.is_mounted or not self.size:
            return
        if self._measured_for != (self._width, self.look):
            self._measured_for = self._width, self.look
            self._drawn.clear()
            self._known = [False] * len(self.items)
            self._heights = [item.guess_height(self._width) for item in self.items]
        height = self.scrollable_content_region.height
        if self.following:
            self._measure_from_end(height)
            self._tops = [0, *accumulate(self._heights)]
            self._resize()
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)
            self.following = True
        else:
            self._measure_at(self.scroll_offset.y, height)
            self._resize()
        self.refresh()

    def _resize(self) -> None:
        total = self._tops[-1]
        if total != self.virtual_size.height or self._width != self.virtual_size.width:
            self.virtual_size = Size(self._width, total)

    def _measure_from_end(self, height: int) -> None:
        room = height
        for at in range(len(self.items) - 1, -1, -1):
            self._measure(at)
            room -= self._heights[at]
            if room <= 0:
                return

    def _measure_at(self, top: int, height: int) -> None:
        """Measure from the line `top` down; what is in sight stays where it is."""
        self._tops = [0, *accumulate(self._heights)]
        first = max(0, bisect_right(self._tops, top) - 1)
        room, at = height + 1, first
        while at < len(self.items) and room > 0:
            shift = self._measure(at)
            if at == first:
                # Its upper part is out of sight: what is below it must not move.
                room -= self._tops[at] + self._heights[at] - top - shift
                top += shift
            else:
                room -= self._heights[at]
            at += 1
        self._tops = [0, *accumulate(self._heights)]
        if top != self.scroll_offset.y:
            self._resize()
            # Without a watcher, which would measure again.
            self.set_scroll(None, top)
            self.vertical_scrollbar.position = top

    def _measure(self, at: int) -> int:
        """Draw an item if that was not done; how much higher it is than was thought."""
        if self._known[at]:
            return 0
        height = len(self._lines_of(self.items[at]))
        shift = height - self._heights[at]
        self._heights[at], self._known[at] = height, True
        return shift

    def _lines_of(self, item: Item) -> list[Strip]:
        drawn = self._drawn.pop(item, None)
        if drawn is None or drawn.revision != item.revision:
            drawn = _Drawn(item.revision, item.draw(self._width, self.look))
        self._drawn[item] = drawn  # the latest last
        if len(self._drawn) > KEPT_DRAWN:
            del self._drawn[next(iter(self._drawn))]
        return drawn.lines

    # Drawing

    def render_line(self, y: int) -> Strip:
        """One line of what is in sight."""
        top = y + self.scroll_offset.y
        at = bisect_right(self._tops, top) - 1
        width = self.scrollable_content_region.width
        if not 0 <= at < len(self.items):
            return Strip.blank(width, self.rich_style)
        lines = self._lines_of(self.items[at])
        inside = top - self._tops[at]
        line = lines[inside] if inside < len(lines) else Strip([])
        is_selected = at == self.selected and self.has_focus
        mark = f"{self.look.glyphs.selected} " if is_selected else "  "
        gutter = self.look.line([(mark, "tool")], GUTTER)
        return Strip.join([gutter, line]).extend_cell_length(width).apply_style(self.rich_style)

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
        self._measure(at)
        self._tops = [0, *accumulate(self._heights)]
        self._resize()
        region = Region(0, self._tops[at], self._width, max(1, self._heights[at]))
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
            self._measure(number)
        self._tops = [0, *accumulate(self._heights)]
        self._resize()
        self.scroll_to(y=self._tops[at], animate=False, immediate=True, force=True)
        self.following = self._tops[at] >= self.max_scroll_y
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

    def action_end(self) -> None:
        """Go to the end and follow it."""
        self.following = True
        self._lay_out()
