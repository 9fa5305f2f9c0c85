"""Entries that wait their turn, by priority. Knows no cut and no cost."""

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from .node import Node


class Frontier:
    """Entries that wait to be expanded, the best first; equals in the order they came."""

    def __init__(self, ranked: Iterable[tuple[float, Node]]) -> None:
        self._count = 0
        self._heap: list[tuple[float, int, Node]] = []
        self.push(ranked)
        heapify(self._heap)

    def push(self, ranked: Iterable[tuple[float, Node]]) -> None:
        """Add entries with their priorities."""
        for priority, node in ranked:
            heappush(self._heap, (-priority, self._count, node))
            self._count += 1

    def pop(self) -> tuple[float, Node | None]:
        """The best entry and its priority; `(0, None)` when there is none."""
        if not self._heap:
            return 0.0, None
        priority, _, node = heappop(self._heap)
        return -priority, node
