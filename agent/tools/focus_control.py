"""What people and models fix about the focus of a session: pinned, expanded and collapsed spans. Knows no tree."""

import threading
from collections.abc import Iterable
from dataclasses import replace

from megacontext.memory.focus import FocusQuery, Span

EXPANDED_KEPT = 16
"""Spans that stay expanded, the latest first; pins stay until they are taken off."""


class FocusControl:
    """Spans by what was asked for them. Safe to use from several threads; each set is replaced as a whole."""

    def __init__(self, pins: Iterable[Span] = ()) -> None:
        self._lock = threading.Lock()
        self.pinned: tuple[Span, ...] = tuple(dict.fromkeys(pins))
        """Verbatim until unpinned."""
        self.expanded: tuple[Span, ...] = ()
        """Verbatim for now, the latest first."""
        self.collapsed: tuple[Span, ...] = ()
        """Not rendered until expanded or pinned."""

    def pin(self, span: Span) -> None:
        """Keep these lines verbatim before all else."""
        with self._lock:
            self._drop(span)
            self.pinned = (*self.pinned, span)

    def expand(self, span: Span) -> None:
        """Keep these lines verbatim until others are asked for."""
        with self._lock:
            if span not in self.pinned:
                self._drop(span)
                self.expanded = (span, *self.expanded)[:EXPANDED_KEPT]

    def collapse(self, span: Span) -> None:
        """Leave these lines out, whether they were pinned or not."""
        with self._lock:
            self._drop(span)
            self.collapsed = (*self.collapsed, span)

    def release(self, span: Span) -> None:
        """Leave these lines to the scorer again."""
        with self._lock:
            self._drop(span)

    def _drop(self, span: Span) -> None:
        def without(spans: tuple[Span, ...]) -> tuple[Span, ...]:
            touched = span.path, span.start_line, span.end_line
            return tuple(each for each in spans if not each.overlaps(*touched))

        self.pinned, self.expanded, self.collapsed = map(
            without, (self.pinned, self.expanded, self.collapsed)
        )

    def applied(self, query: FocusQuery) -> FocusQuery:
        """The query with these wishes added to its own."""
        with self._lock:
            return replace(
                query,
                pins=(*self.pinned, *self.expanded, *query.pins),
                exclude=(*query.exclude, *self.collapsed),
            )
