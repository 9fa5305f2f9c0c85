"""Scrollbars without partial blocks, for terminals that lack them."""

from typing import ClassVar

from textual.scrollbar import ScrollBar, ScrollBarRender


class _Plain(ScrollBarRender):
    VERTICAL_BARS: ClassVar[list[str]] = [" "] * 8
    HORIZONTAL_BARS: ClassVar[list[str]] = [" "] * 8


def plain_scrollbars() -> None:
    """Draw all scrollbars with whole cells."""
    ScrollBar.renderer = _Plain
