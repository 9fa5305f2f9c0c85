"""A list to choose from, narrowed by typing: commands, sessions, themes, rules, what was typed before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widgets import Input, Static

from megacontext.agent.edits.change import visible

from .. import keys
from ..desk.fuzzy import best
from ..drawing.drawn import Drawn, LookScreen
from ..drawing.look import Piece
from ..widgets.line_input import LineInput

MOST_FOUND = 500


@dataclass(frozen=True)
class Choice:
    """One thing to choose."""

    label: str
    about: str = ""
    value: Any = None


class Choices(Drawn):
    """The lines; one is chosen."""

    found: reactive[tuple[Choice, ...]] = reactive(())
    chosen: reactive[int] = reactive(0)

    def render_line(self, y: int) -> Strip:
        """One of them."""
        width, height = self.size
        first = max(0, min(self.chosen - height // 2, len(self.found) - height))
        number = first + y
        pieces: list[Piece] = []
        if number < len(self.found):
            pieces = self._pieces(self.found[number], number == self.chosen)
        elif not self.found and y == 0:
            pieces = [("  nothing fits", "dim")]
        line = self.look.line(pieces, width)
        return line.extend_cell_length(width).apply_style(self.rich_style)

    @property
    def _label_width(self) -> int:
        longest = max((len(choice.label) for choice in self.found if choice.about), default=0)
        return min(longest, self.size.width // 2)

    def _pieces(self, choice: Choice, is_chosen: bool) -> list[Piece]:
        mark = self.look.glyphs.selected if is_chosen else " "
        label = visible(choice.label).replace("\n", " ")
        if choice.about and len(label) > self._label_width:
            label = f"{label[: self._label_width - 1]}{self.look.glyphs.ellipsis}"
        about = f"  {visible(choice.about)}" if choice.about else ""
        return [
            (f"{mark} ", "tool"),
            (f"{label:<{self._label_width}}", "cursor" if is_chosen else "plain"),
            (about, "dim"),
        ]


class Picker(LookScreen[Any], ModalScreen[Any]):
    """Ends with the value of what was chosen, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = keys.PICKER

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        preview: Callable[[Any], None] | None = None,
    ) -> None:
        """`preview` gets the value of each choice that one passes."""
        super().__init__()
        self._title = title
        self._all = list(choices)
        self._preview = preview or (lambda _: None)

    def compose(self) -> ComposeResult:
        """The parts, from top to bottom."""
        with Vertical(id="picker"):
            yield Static(self._title, id="picker-title", markup=False)
            yield LineInput(placeholder="type to find", id="picker-input", compact=True)
            yield Choices(id="picker-choices")

    def on_mount(self) -> None:
        """Everything can be chosen."""
        self._list.found = tuple(self._all)
        self._list.styles.height = max(1, min(len(self._all), self.app.size.height - 8))
        self.query_one(Input).focus()

    @property
    def _list(self) -> Choices:
        return self.query_one(Choices)

    @on(Input.Changed)
    def _narrow(self, event: Input.Changed) -> None:
        query = event.value.replace(" ", "")
        found = best(query, self._all, lambda choice: choice.label, MOST_FOUND)
        others = best(query, self._all, lambda choice: choice.about, MOST_FOUND) if query else []
        self._list.chosen = 0
        self._list.found = tuple(dict.fromkeys([*found, *others]))

    @on(Input.Submitted)
    def _take(self) -> None:
        found = self._list.found
        self.dismiss(found[self._list.chosen].value if found else None)

    def action_move(self, step: int) -> None:
        """Choose another one."""
        found = self._list.found
        if found:
            self._list.chosen = max(0, min(len(found) - 1, self._list.chosen + step))
            self._preview(found[self._list.chosen].value)

    def action_cancel(self) -> None:
        """Choose nothing."""
        self.dismiss(None)
