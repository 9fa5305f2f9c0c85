"""What every app here has in common: style sheets, themes, glyphs, and an end in good order."""

import asyncio
import signal
import sys
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding

from . import locations, themes
from .desk.preferences import keep_theme, kept_theme
from .glyphs import Glyphs, glyphs_for

SWITCH_S = 0.0002
"""The screen's thread waits so long at most for one that computes; Python's own 5 ms add up with each key."""


class ThemedApp(App[int]):
    """An app with our looks; the exit code is what it ends with."""

    CSS_PATH: ClassVar[Any] = locations.style_sheets()
    ENABLE_COMMAND_PALETTE = False
    TITLE = "MegaContext"

    def __init__(self, glyphs: Glyphs | None = None) -> None:
        """`glyphs` takes the place of those that the terminal can show."""
        super().__init__()
        self.animation_level = "none"  # each frame would cross the wire of an ssh session
        self.glyphs = glyphs or glyphs_for(sys.__stderr__.encoding if sys.__stderr__ else None)
        for theme in themes.OWN:
            self.register_theme(theme)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Colours of the levels for themes that have none."""
        theme = self.current_theme
        found = [getattr(theme, name) or theme.primary for name in themes.LEVELS]
        return {f"level-{level}": colour for level, colour in enumerate(found)}

    def get_key_display(self, binding: Binding) -> str:
        """A key as it is shown; by its name where its sign is not to be had."""
        shown = super().get_key_display(binding)
        return binding.key if self.glyphs.is_ascii and not shown.isascii() else shown

    def on_mount(self) -> None:
        """Look as the person likes it; end in good order when the system says so."""
        name = kept_theme()
        self.theme = name if name in self.available_themes else themes.DEFAULT
        if self.glyphs.is_ascii:
            self.add_class("-ascii")
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, self.exit, 128 + number)

    def use_theme(self, name: str, *, keep: bool) -> None:
        """Another theme, for good or only to look at."""
        self.theme = name
        if keep:
            keep_theme(name)

    def on_terminal(self) -> int:
        """Run on the terminal; gives the exit code."""
        sys.setswitchinterval(SWITCH_S)
        code = self.run()
        return self.return_code or 0 if code is None else code
