"""All commands, and what they may use of the screen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from megacontext.agent.edits.change import Change
from megacontext.agent.permissions.permissions import Mode

from ..desk.desk import Desk
from ..screens.picker import Choice


class Room(Protocol):
    """The main screen, as commands see it."""

    desk: Desk

    def note(self, text: str, role: str = "dim") -> None:
        """One line in the transcript."""

    def begin(self, said: str) -> None:
        """What the person has asked for stands in the transcript, and the work on it begins."""

    def pick(
        self,
        title: str,
        choices: Sequence[Choice],
        then: Callable[[Any], None],
        preview: Callable[[Any], None] | None = None,
    ) -> None:
        """Let the person choose; `then` is called with the value unless they changed their mind."""

    def read(self, title: str, markdown: str) -> None:
        """Show a text."""

    def read_changes(self, title: str, changes: Sequence[Change]) -> None:
        """Show changes of files."""

    def from_thread(self, call: Callable[[], None]) -> None:
        """Call something in the screen's thread."""

    def start_session(self, session: str | None, *, fork: bool = False) -> None:
        """Go to another session, to a copy of it, or to a new one."""

    def set_mode(self, mode: Mode) -> None:
        """What the agent may do without asking."""

    def set_theme(self, name: str, *, keep: bool = True) -> None:
        """Another theme, for good or only to look at."""

    def pick_theme(self) -> None:
        """Let the person choose a theme, and show each."""

    def theme_names(self) -> list[str]:
        """Every theme there is."""

    def complete_at(self, place: str) -> None:
        """Continue a file at `PATH:LINE:COL`."""

    def clear(self) -> None:
        """Take everything out of the transcript."""

    def show_focus(self) -> None:
        """Go to the focus view."""

    def help(self) -> None:
        """Show the keys and the commands."""

    def write_in_editor(self, text: str = "") -> None:
        """Go on with the prompt in the person's editor."""

    def leave(self) -> None:
        """End the program."""


Run = Callable[[Room, str], None]


def _nothing(room: Room) -> list[Choice]:
    return []


@dataclass(frozen=True)
class Command:
    """One thing that can be asked for."""

    name: str
    words: str
    """What it does."""
    run: Run
    argument: str = ""
    """What follows the name, in capitals; in brackets where it may be left out."""
    choices: Callable[[Room], list[Choice]] = _nothing
    """What its argument may be, where that is a short list."""
    takes_path: bool = False

    @property
    def needs_argument(self) -> bool:
        """Whether it means nothing by itself."""
        return bool(self.argument) and not self.argument.startswith("[")
