"""The app: keys that hold everywhere, and how it begins and ends. Everything else is a screen."""

import time
from collections.abc import Callable
from typing import ClassVar

from textual.binding import BindingType

from megacontext.agent.chat.opening import Wanted
from megacontext.agent.opening import Workplace
from megacontext.models.base import BaseModel

from . import keys
from .desk.desk import Desk
from .desk.news import News
from .glyphs import Glyphs
from .screens.main import MainScreen
from .themed import ThemedApp

TWICE_S = 2.0
"""Ctrl-C so soon again leaves."""


class MegaContextApp(ThemedApp):
    """Chat and focus view over one repository."""

    BINDINGS: ClassVar[list[BindingType]] = keys.APP

    def __init__(
        self,
        workplace: Workplace,
        wanted: Wanted | None = None,
        *,
        model: BaseModel | None = None,
        glyphs: Glyphs | None = None,
    ) -> None:
        """`model` takes the place of the one that the settings choose."""
        super().__init__(glyphs)
        self.wanted = wanted or Wanted()
        self._workplace = workplace
        self._model = model
        self._asked_to_leave = 0.0

    def on_mount(self) -> None:
        """Show the main screen."""
        self.push_screen(MainScreen(self._desk))

    def _desk(self, tell: Callable[[News], None]) -> Desk:
        return Desk(self._workplace, tell, self._model)

    def action_help(self) -> None:
        """Show the keys and the commands."""
        if isinstance(self.screen, MainScreen):
            self.screen.help()

    def action_interrupt(self) -> None:
        """Ctrl-C: stop what goes on; where nothing does, leave when it comes twice."""
        if isinstance(self.screen, MainScreen) and self.screen.interrupt():
            return
        now = time.monotonic()
        if now - self._asked_to_leave < TWICE_S:
            self.exit(0)
        self._asked_to_leave = now
        self.notify("ctrl+c again leaves")


def run(workplace: Workplace, wanted: Wanted | None = None) -> int:
    """Open the app on a terminal; gives the exit code."""
    return MegaContextApp(workplace, wanted).on_terminal()
