"""Widgets that draw their own lines with the look of the present theme."""

from functools import cached_property
from typing import ClassVar

from textual.scroll_view import ScrollView
from textual.widget import Widget

from ..glyphs import UNICODE, Glyphs
from .look import COMPONENTS, ROLES, Look, look_of, without_ground


class Drawn(Widget):
    """A widget with a `look`; it is made anew when the theme changes."""

    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS

    @cached_property
    def look(self) -> Look:
        """How to draw at present."""
        # Not partial: shades such as $text-muted are of the ground that they stand on.
        styles = {
            role: without_ground(self.get_component_rich_style(f"look--{role}")) for role in ROLES
        }
        theme = self.app.current_theme
        glyphs: Glyphs = getattr(self.app, "glyphs", UNICODE)
        return look_of(glyphs, styles, dark=theme.dark, ansi=theme.ansi)

    def notify_style_update(self) -> None:
        """Forget the look, since styles have changed."""
        self.__dict__.pop("look", None)
        super().notify_style_update()


class DrawnScroll(Drawn, ScrollView):
    """The same, for what scrolls."""
