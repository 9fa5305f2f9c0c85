"""The focus view: the gauge, the map, a line to find a path, and the selected entry."""

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.reactive import reactive
from textual.widgets import Input

from ...desk.picture import Picture
from ..line_input import LineInput
from .details import EntryDetails
from .gauge import BudgetGauge
from .map import FocusMap


class FocusPane(Vertical):
    """Give it a `picture`; it says what the person wishes through the messages of its map."""

    picture: reactive[Picture] = reactive(Picture())

    def compose(self) -> ComposeResult:
        """The parts, from top to bottom."""
        yield BudgetGauge(id="gauge")
        yield FocusMap(id="map")
        yield LineInput(placeholder="find a path", id="find", compact=True)
        yield EntryDetails(id="details")

    def watch_picture(self, before: Picture, now: Picture) -> None:
        """Show another focus."""
        if not self.is_mounted:
            return
        self.query_one(BudgetGauge).totals = now.total, now.budget
        self._before = before
        self.query_one(FocusMap).picture = now

    @on(FocusMap.Selected)
    def _selected(self, event: FocusMap.Selected) -> None:
        details = self.query_one(EntryDetails)
        before = getattr(self, "_before", None)
        details.was = before.level_of(event.mark.place) if before and event.mark else None
        if details.mark != event.mark:
            details.text = ""
        details.mark = event.mark

    @on(FocusMap.FindAsked)
    def _ask_for_a_path(self) -> None:
        find = self.query_one(Input)
        find.add_class("-shown")
        find.value = ""
        find.focus()

    @on(Input.Changed, "#find")
    def _found(self, event: Input.Changed) -> None:
        found = self.query_one(FocusMap).find(event.value)
        event.input.set_class(bool(event.value) and not found, "-missing")

    @on(Input.Submitted, "#find")
    def _end_finding(self) -> None:
        self.query_one(Input).remove_class("-shown")
        self.query_one(FocusMap).focus()

    def on_key(self, event: events.Key) -> None:
        """Escape ends finding."""
        find = self.query_one(Input)
        if event.key == "escape" and find.has_focus:
            event.stop()
            event.prevent_default()
            self._end_finding()
