"""Scrollbars without partial blocks, for terminals that lack them."""

from typing import ClassVar

from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBarRender


class _Plain(ScrollBarRender):
    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


def plain_scrollbars(view: ScrollView) -> None:
    """Draw the scrollbars of this view with whole cells."""
    for bar in (view.vertical_scrollbar, view.horizontal_scrollbar):
        # Textual's own way; for the class it would hold for every app of the process.
        bar.renderer = _Plain  # type: ignore[misc]
