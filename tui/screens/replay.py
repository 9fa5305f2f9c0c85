"""A recorded session on the screen: the chat and the focus as they were, at the pace one likes."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.reactive import reactive
from textual.strip import Strip

from megacontext.agent.chat.events import TurnStarted
from megacontext.agent.events import Event, FocusChange

from .. import keys
from ..desk.picture import Picture
from ..desk.recorded import Recorded
from ..drawing.drawn import Drawn, LookScreen
from ..drawing.look import Piece
from ..widgets.focus import FocusMap, FocusPane, FocusStrip
from ..widgets.focus.gauge import bar
from ..widgets.key_line import KeyLine
from ..widgets.transcript import Item, Transcript
from ..widgets.transcript.narrator import Narrator
from .main import WIDE

FRAME_S = 1 / 20
SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


class ReplayLine(Drawn):
    """Where one is."""

    title: reactive[str] = reactive("")
    place: reactive[tuple[float, float]] = reactive((0.0, 1.0))
    """Seconds shown, and of all."""
    state: reactive[tuple[bool, float]] = reactive((False, 1.0))
    """Whether it plays, and how fast."""

    def render_line(self, y: int) -> Strip:
        """The line."""
        width = self.size.width
        line = self.look.line(self._pieces(width), width) if y == 0 else Strip([])
        return line.extend_cell_length(width).apply_style(self.rich_style)

    def _pieces(self, width: int) -> list[Piece]:
        (shown, length), (plays, speed) = self.place, self.state
        words = "plays" if plays else "paused"
        drawn = bar(int(shown * 100), max(1, int(length * 100)), 20, self.look.glyphs)
        tail = f"{words}  x{speed:g}  {shown:.0f} of {length:.0f} s  "
        return [
            (f" {self.title}  ", "heading"),
            (" " * max(0, width - len(self.title) - len(tail) - 25), "plain"),
            (tail, "ok" if plays else "warn"),
            (drawn, "level-2"),
        ]


class ReplayScreen(LookScreen[None]):
    """Plays a recording."""

    BINDINGS: ClassVar[list[BindingType]] = keys.REPLAY
    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012  as in the class above

    def __init__(self, recorded: Recorded, title: str, *, playing: bool = True) -> None:
        super().__init__()
        self._recorded = recorded
        self._title = title
        self._playing = playing
        self._speed = SPEEDS.index(1.0)
        self._seconds = 0.0
        self._count = 0
        self._narrator = Narrator()
        self._picture = Picture()

    def compose(self) -> ComposeResult:
        """The parts, from top to bottom."""
        yield ReplayLine(id="replay")
        with Horizontal(id="body"):
            yield Transcript(id="transcript")
            yield FocusPane(id="focus")
        yield FocusStrip(id="strip")
        yield KeyLine(helps=False, id="keys")

    def on_mount(self) -> None:
        """Begin at the start."""
        self.query_one(ReplayLine).title = self._title
        self.query_one(Transcript).can_focus = False
        self.set_interval(FRAME_S, self._tick)
        self._show()

    def _tick(self) -> None:
        if self._playing:
            self._seconds += FRAME_S * SPEEDS[self._speed]
            self._seek(self._recorded.count_at(self._seconds))
            self._playing = self._count < len(self._recorded.events)
            self._show()

    def _show(self) -> None:
        line = self.query_one(ReplayLine)
        line.place = min(self._seconds, self._recorded.length), self._recorded.length
        line.state = self._playing, SPEEDS[self._speed]

    def _seek(self, count: int) -> None:
        """Show the first `count` events."""
        transcript = self.query_one(Transcript)
        if count < self._count:
            transcript.clear()
            self._narrator, self._picture, self._count = Narrator(), Picture(), 0
        added: list[Item] = []
        changed: dict[int, Item] = {}
        for event in self._recorded.events[self._count : count]:
            told = self._tell(event)
            added += told[0]
            changed |= {id(item): item for item in told[1]}
        self._count = count
        new = set(map(id, added))
        if added:
            transcript.add(*added)
        if old := [item for item in changed.values() if id(item) not in new]:
            transcript.changed(old)
        self.query_one(FocusPane).picture = self._picture
        self.query_one(FocusStrip).picture = self._picture

    def _tell(self, event: Event) -> tuple[list[Item], list[Item]]:
        if isinstance(event, TurnStarted):
            return self._narrator.begin(event.text).added, []
        if isinstance(event, FocusChange) and event.source == "repository":
            self._picture = Picture.recorded(event, self._picture)
        told = self._narrator.tell(event)
        return told.added, told.changed

    # Keys

    def action_focus_view(self) -> None:
        """Look at the entries."""
        self.add_class("-focus")
        self.query_one(FocusMap).focus()

    @on(FocusMap.Left)
    def _from_focus(self) -> None:
        self.remove_class("-focus")
        self.set_focus(None)

    def action_play(self) -> None:
        """Go on, pause, or begin again behind the end."""
        if self._count == len(self._recorded.events):
            self._seconds = 0.0
        self._playing = not self._playing
        self._show()

    def action_step(self, direction: int) -> None:
        """One event further or back."""
        self._playing = False
        self._seek(self._recorded.step(self._count, direction))
        self._seconds = self._recorded.seconds[max(0, self._count - 1)]
        self._show()

    def action_ends(self, direction: int) -> None:
        """Go to the start or to the end."""
        self._playing = False
        self._seek(0 if direction < 0 else len(self._recorded.events))
        self._seconds = 0.0 if direction < 0 else self._recorded.length
        self._show()

    def action_speed(self, direction: int) -> None:
        """Faster or slower."""
        self._speed = max(0, min(len(SPEEDS) - 1, self._speed + direction))
        self._show()

    def action_quit(self) -> None:
        """Leave."""
        self.app.exit(0)
