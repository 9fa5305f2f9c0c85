"""What the screen knows of the focus, and what the person wishes of it. Works in the threads that call it."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from megacontext.agent.chat.agent import Agent
from megacontext.agent.chat.events import TurnStarted
from megacontext.agent.engine import Engine
from megacontext.agent.events import Event, FocusChange, FocusedEntry
from megacontext.agent.sources import REPOSITORY
from megacontext.agent.tools.focus_control import FocusControl
from megacontext.configs.errors import FocusError
from megacontext.memory.focus import FocusQuery, Span, WorkingEntry

from .news import Happened, News, Refocused
from .picture import FILE, Mark, Picture

FOLDER = "a folder as a whole cannot be {done}; choose a file in it"
ELSEWHERE = "what is not of the repository cannot be {done}"
DONE = {"expand": "expanded", "collapse": "collapsed", "pin": "pinned", "release": "released"}


class Focuser:
    """Makes pictures of what is focused, and refocuses with the wishes of the person."""

    def __init__(self, tell: Callable[[News], None]) -> None:
        self._tell = tell
        self._engine: Engine | None = None
        self._control: FocusControl | None = None
        self._picture = Picture()
        self._beside: dict[str, tuple[Mark, ...]] = {}
        """What of other sources is rendered in this turn, by their names."""
        self._text = ""

    def use(self, engine: Engine, agent: Agent) -> None:
        """Work for this session from now on."""
        self._engine, self._control = engine, agent.calls.shop.focus
        self._beside = {}

    def happened(self, event: Event) -> None:
        """An event of a turn: a focus becomes a picture, in the thread in which it was made."""
        if isinstance(event, TurnStarted):
            self._text, self._beside = event.text, {}
        elif isinstance(event, FocusChange):
            if event.source == REPOSITORY:
                self._draw()
            else:
                self._beside[event.source] = tuple(
                    _beside(entry, event.source) for entry in event.entries
                )
                self._draw()

    def _draw(self) -> None:
        focused = self._engine.focused if self._engine else None
        if self._engine is None or focused is None:
            return
        with self._engine.memory.reading():
            beside = [mark for marks in self._beside.values() for mark in marks]
            self._picture = Picture.of(focused, self._picture, beside)
        self._tell(Refocused(self._picture))

    def shows(self, paths: Sequence[str]) -> bool:
        """Whether something of these files is rendered now."""
        return not {mark.path for mark in self._picture.best}.isdisjoint(paths)

    def refocus(self, text: str | None = None) -> None:
        """Focus for a text, or for the last one again, and tell it."""
        if self._engine is None or self._control is None:
            return
        self._text = self._text if text is None else text
        budget = self._picture.budget or self._engine.settings.focus.budget
        query = self._control.applied(FocusQuery(text=self._text, budget=budget))
        change = FocusChange.of(self._engine.focus(query))
        if text is not None:
            self._tell(Happened(change))
        self._draw()

    def wish(self, action: str, mark: Mark) -> str:
        """Note a wish; why it cannot be granted, "" when it can."""
        if self._control is None or not mark.start_line:
            return FOLDER.format(done=DONE[action])
        if mark.path.startswith(tuple(f"{name}/" for name in self._beside)):
            return ELSEWHERE.format(done=DONE[action])
        span = Span(mark.path, mark.start_line, mark.end_line)
        if mark.level >= FILE and action in ("collapse", "release"):
            span = Span(mark.path)
        {
            "expand": self._control.expand,
            "collapse": self._control.collapse,
            "pin": self._control.pin,
            "release": self._control.release,
        }[action](span)
        return ""

    def text_of(self, mark: Mark, cancel: threading.Event, answer: Callable[[str], None]) -> None:
        """What an entry reads like at its level, as the file is now."""
        if self._engine is None or mark.node is None:
            return
        entry = WorkingEntry(
            mark.node,
            mark.level,
            mark.cost,
            mark.score,
            mark.reasons,
            mark.path,
            mark.start_line,
            mark.end_line,
            silent=False,
            pinned=mark.pinned,
        )
        try:
            shown = self._engine.render([entry]).shown
        except FocusError:  # it is not in the tree any more; a fresh focus is on its way
            shown = ()
        if not cancel.is_set():
            answer(_body(shown[0].text, mark) if shown else "(the file has changed since)")


def _beside(entry: FocusedEntry, source: str) -> Mark:
    """An entry of another source, at a path that tells which."""
    mark = Mark.recorded(entry)
    return (
        mark if mark.path.startswith(f"{source}/") else replace(mark, path=f"{source}/{mark.path}")
    )


def _body(text: str, mark: Mark) -> str:
    """Without the line that names the file."""
    return text.partition("\n")[2] if mark.start_line else text
