"""`megacontext replay`: a recorded session on the screen. Opens no memory and no model."""

from pathlib import Path
from typing import ClassVar

from textual.binding import BindingType

from . import keys
from .desk.recorded import Recorded, read_recorded
from .glyphs import Glyphs
from .screens.replay import ReplayScreen
from .themed import ThemedApp


class ReplayApp(ThemedApp):
    """Plays one recording."""

    BINDINGS: ClassVar[list[BindingType]] = keys.REPLAY_APP

    def __init__(
        self, recorded: Recorded, title: str, *, playing: bool = True, glyphs: Glyphs | None = None
    ) -> None:
        super().__init__(glyphs)
        self._recorded = recorded
        self._title = title
        self._playing = playing

    def on_mount(self) -> None:
        """Begin to play."""
        self.push_screen(ReplayScreen(self._recorded, self._title, playing=self._playing))


def run(path: Path) -> int:
    """Play a file of events, or the folder of a session; gives the exit code. Raises SessionError."""
    title = path.name if path.is_dir() else path.stem
    return ReplayApp(read_recorded(path), title).on_terminal()
