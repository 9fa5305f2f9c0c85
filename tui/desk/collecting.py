"""Keeps Python's garbage collector from stopping the screen. Knows no widget."""

import gc

from .news import News, Over, Ready

YOUNG, MIDDLE, OLD = 2_000, 20, 100
"""New objects before the youngest are looked through, and how often before the older ones are."""


class Collecting:
    """Has all objects looked through seldom: with a million of them it takes a third of a second.

    What is there when the memory is open, and what the first turn has loaded (a model and its libraries), will stay:
    it is looked through once more and then never again.
    """

    def __init__(self) -> None:
        gc.set_threshold(YOUNG, MIDDLE, OLD)
        self._settles_after: tuple[type[News], ...] = (Ready,)

    def heard(self, news: News) -> None:
        """The screen has read these news."""
        if isinstance(news, self._settles_after):
            self._settles_after = (Over,) if isinstance(news, Ready) else ()
            gc.collect()
            gc.freeze()
