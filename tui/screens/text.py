"""A text to read: an entry at its level, the help, a file's difference."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Static

from megacontext.agent.edits.change import Change, visible

from .. import keys
from ..drawing.drawn import DrawnScroll, LookScreen
from ..drawing.look import Look
from ..widgets.approval import DiffView
from ..widgets.key_line import KeyLine

Drawing = Callable[[int, Look], list[Strip]]


class Lines(DrawnScroll):
    """Lines that somebody draws for a width."""

    def __init__(self, draw: Drawing) -> None:
        super().__init__()
        self._draw = draw
        self._lines: list[Strip] = []

    def set(self, draw: Drawing) -> None:
        """Show something else."""
        self._draw = draw
        self._lay_out()

    def _lay_out(self) -> None:
        if self.is_mounted and self.size:
            width = self.scrollable_content_region.width
            self._lines = self._draw(width, self.look)
            self.virtual_size = Size(width, len(self._lines))
            self.refresh()

    def on_resize(self, event: events.Resize) -> None:
        """Draw for another width."""
        self._lay_out()

    def render_line(self, y: int) -> Strip:
        """One line of what is in sight."""
        width = self.scrollable_content_region.width
        number = y + self.scroll_offset.y
        line = self._lines[number] if number < len(self._lines) else Strip([])
        return line.extend_cell_length(width).apply_style(self.rich_style)


class _Reading(LookScreen[str | None], ModalScreen[str | None]):
    """What both have in common: a title, something that scrolls, and keys. Ends with "edit" or None."""

    BINDINGS: ClassVar[list[BindingType]] = keys.TEXT

    def __init__(self, title: str, plain: str, *, editable: bool = False) -> None:
        super().__init__()
        self._title = title
        self._plain = plain
        self._editable = editable

    def body(self) -> DrawnScroll:
        """What scrolls."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The parts, from top to bottom."""
        with Vertical(id="reading"):
            yield Static(visible(self._title), id="reading-title", markup=False)
            yield self.body()
            yield KeyLine(helps=False)

    @property
    def _scroll(self) -> DrawnScroll:
        return self.query_one(DrawnScroll)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The editor only where there is a file."""
        return self._editable if action == "edit" else True

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(None)

    def action_edit(self) -> None:
        """Go on in the editor."""
        self.dismiss("edit")

    def action_copy(self) -> None:
        """Put the text into the clipboard."""
        self.app.copy_to_clipboard(self._plain)
        self.notify("copied")

    def action_move(self, step: int) -> None:
        """Scroll by a line."""
        self._scroll.scroll_relative(y=step, animate=False)

    def action_page(self, step: int) -> None:
        """Scroll by a page."""
        self._scroll.scroll_relative(y=step * (self._scroll.size.height - 1), animate=False)

    def action_ends(self, direction: int) -> None:
        """Go to the first or the last line."""
        scroll = self._scroll
        scroll.scroll_to(y=0 if direction < 0 else scroll.max_scroll_y, animate=False)


class TextScreen(_Reading):
    """Lines that are drawn for the width."""

    def __init__(self, title: str, plain: str, draw: Drawing, *, editable: bool = False) -> None:
        super().__init__(title, plain, editable=editable)
        self._draw = draw

    def body(self) -> DrawnScroll:
        """The lines."""
        return Lines(self._draw)

    def set(self, plain: str, draw: Drawing) -> None:
        """Show something else under the same title."""
        self._plain, self._draw = plain, draw
        if self.is_mounted:
            self.query_one(Lines).set(draw)


class DiffScreen(_Reading):
    """Changes of files."""

    def __init__(self, title: str, changes: Sequence[Change]) -> None:
        super().__init__(title, "".join(change.diff for change in changes))
        self._changes = changes

    def body(self) -> DrawnScroll:
        """The differences."""
        view = DiffView()
        view.show(self._changes)
        return view

    def action_move(self, step: int) -> None:
        """Go to another hunk."""
        self.query_one(DiffView).move(step)
