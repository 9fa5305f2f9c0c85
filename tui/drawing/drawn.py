"""Widgets that draw their own lines, with the look that their screen has in the present theme."""

from functools import cached_property
from typing import ClassVar

from textual.screen import Screen, ScreenResultType
from textual.scroll_view import ScrollView
from textual.widget import Widget

from ..glyphs import UNICODE, Glyphs
from .look import COMPONENTS, ROLES, Look, look_of, without_ground
from .plain_scrollbar import plain_scrollbars


class LookScreen(Screen[ScreenResultType]):
    """A screen with a `look`, made anew when the theme changes.

    The roles are styled once a screen: for each widget it would be most of the time that a style sheet takes.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS

    def on_mount(self) -> None:
        """Draw what scrolls with signs that the terminal has."""
        if self._glyphs.is_ascii:
            # Not `query(ScrollView)`: to a style sheet a class is what its first base is.
            for widget in self.query("*"):
                if isinstance(widget, ScrollView):
                    plain_scrollbars(widget)

    @property
    def _glyphs(self) -> Glyphs:
        return getattr(self.app, "glyphs", UNICODE)

    @cached_property
    def look(self) -> Look:
        """How to draw at present."""
        # Not partial: shades such as $text-muted are of the ground that they stand on.
        styles = {
            role: without_ground(self.get_component_rich_style(f"look--{role}")) for role in ROLES
        }
        theme = self.app.current_theme
        return look_of(self._glyphs, styles, dark=theme.dark, ansi=theme.ansi)

    def notify_style_update(self) -> None:
        """Forget the look, since styles have changed."""
        self.__dict__.pop("look", None)
        super().notify_style_update()


class Drawn(Widget):
    """A widget on such a screen."""

    @property
    def look(self) -> Look:
        """How to draw at present."""
        screen = self.screen
        assert isinstance(screen, LookScreen), "what is drawn stands on a screen with a look"
        return screen.look


class DrawnScroll(Drawn, ScrollView):
    """The same, for what scrolls."""
