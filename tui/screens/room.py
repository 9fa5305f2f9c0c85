"""The main screen as commands see it: notes, questions, texts to read, themes, sessions. See `commands.Room`."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from textual.app import SuspendNotSupported

from megacontext.agent.edits.change import Change
from megacontext.agent.paths import repository_path
from megacontext.configs.errors import MegaContextError

from ..desk import editor
from ..desk.desk import Desk
from ..drawing.drawn import LookScreen
from ..drawing.markdown import MarkdownLines
from ..widgets.transcript import Transcript
from ..widgets.transcript.items import Note
from .help import help_text
from .picker import Choice, Picker
from .text import DiffScreen, TextScreen

if TYPE_CHECKING:
    from ..app import MegaContextApp


class RoomScreen(LookScreen[None]):
    """What is the same whatever parts the screen has."""

    desk: Desk

    @property
    def home(self) -> "MegaContextApp":
        """The app."""
        return cast("MegaContextApp", self.app)

    @property
    def transcript(self) -> Transcript:
        """The conversation."""
        return self.query_one(Transcript)

    def note(self, text: str, role: str = "dim") -> None:
        """One line in the transcript."""
        self.transcript.add(Note(text, role))

    def from_thread(self, call: Callable[[], None]) -> None:
        """Call something in the screen's thread; nothing happens when the screen is gone."""
        with suppress(RuntimeError):
            self.app.call_from_thread(self._if_there, call)

    def _if_there(self, call: Callable[[], None]) -> None:
        if self.is_running:
            call()

    # Before the screen for a moment

    def pick(
        self,
        title: str,
        choices: Sequence[Choice],
        then: Callable[[Any], None],
        preview: Callable[[Any], None] | None = None,
    ) -> None:
        """Let the person choose; `then` is called with the value unless they changed their mind."""

        def chosen(value: Any) -> None:
            if value is not None:
                then(value)

        self.app.push_screen(Picker(title, choices, preview), chosen)

    def read(self, title: str, markdown: str) -> None:
        """Show a text."""
        self.app.push_screen(TextScreen(title, markdown, MarkdownLines(markdown).strips))

    def read_changes(self, title: str, changes: Sequence[Change]) -> None:
        """Show changes of files."""
        self.app.push_screen(DiffScreen(title, changes))

    def help(self) -> None:
        """Show the keys and the commands."""
        glyphs = self.home.glyphs
        self.read("MegaContext", help_text(glyphs.levels, glyphs.silent))

    # Themes

    def theme_names(self) -> list[str]:
        """Every theme there is."""
        return sorted(self.app.available_themes)

    def set_theme(self, name: str, *, keep: bool = True) -> None:
        """Another theme, for good or only to look at."""
        self.home.use_theme(name, keep=keep)

    def pick_theme(self) -> None:
        """Let the person choose a theme, and show each."""
        before = self.app.theme

        def chosen(value: Any) -> None:
            self.set_theme(value or before, keep=value is not None)

        choices = [Choice(name, value=name) for name in self.theme_names()]
        picker = Picker("theme", choices, lambda name: self.set_theme(name, keep=False))
        self.app.push_screen(picker, chosen)

    # The person's editor

    def edit_place(self, path: str, line: int) -> None:
        """Open a file of the repository in the person's editor."""
        root = self.desk.workplace.places.root

        def edit() -> None:
            editor.edit_file(root / repository_path(root, path, root), line)

        self.suspended(edit)

    def suspended(self, call: Callable[[], None]) -> None:
        """Call something that needs the terminal for itself; an error is told."""
        try:
            with self.app.suspend():
                call()
        except MegaContextError as exc:
            self.note(str(exc), "bad")
        except SuspendNotSupported:
            self.note("there is no terminal to lend to an editor", "bad")

    def leave(self) -> None:
        """End the program."""
        self.app.exit()
