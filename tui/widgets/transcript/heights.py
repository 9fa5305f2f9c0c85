"""How high the items of a long list are, and where each begins. Knows no item: heights are guessed until measured."""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate

Measure = Callable[[int], int]
"""The height of the item with this index, which costs drawing it."""


class Heights:
    """Heights in lines, and the sums of them."""

    def __init__(self) -> None:
        self.tops: list[int] = [0]
        """Where each item begins, and behind the last one the height of all."""
        self._heights: list[int] = []
        self._known: list[bool] = []

    def __len__(self) -> int:
        return len(self._heights)

    @property
    def total(self) -> int:
        """Lines of all items."""
        return self.tops[-1]

    def add(self, guesses: Iterable[int]) -> None:
        """More items at the end."""
        self._heights += guesses
        self._known += [False] * (len(self._heights) - len(self._known))

    def set(self, guesses: Iterable[int]) -> None:
        """All items anew."""
        self._heights = list(guesses)
        self._known = [False] * len(self._heights)

    def forget(self, at: int) -> None:
        """The item has changed: its height is a guess again."""
        self._known[at] = False

    def item_at(self, line: int) -> int:
        """Index of the item that covers a line; the number of items behind the last."""
        return bisect_right(self.tops, line) - 1

    def measure(self, at: int, measure: Measure) -> int:
        """Measure an item if that was not done; how much higher it is than was thought."""
        if self._known[at]:
            return 0
        before = self._heights[at]
        self._heights[at], self._known[at] = measure(at), True
        return self._heights[at] - before

    def sum_up(self) -> None:
        """Know where each item begins."""
        self.tops = [0, *accumulate(self._heights)]

    def settle_end(self, room: int, measure: Measure) -> None:
        """Measure what the last `room` lines show."""
        for at in range(len(self) - 1, -1, -1):
            self.measure(at, measure)
            room -= self._heights[at]
            if room <= 0:
                break
        self.sum_up()

    def settle_at(self, top: int, room: int, measure: Measure) -> int:
        """Measure what `room` lines from `top` on show; where that begins now, so that nothing in sight moves."""
        self.sum_up()
        first = max(0, self.item_at(top))
        at, bottom = first, top + room + 1
        end = self.tops[first]
        while at < len(self) and end < bottom:
            shift = self.measure(at, measure)
            if at == first and top > self.tops[first]:
                # Its upper part is out of sight: what is below must not move.
                top, bottom = max(self.tops[first], top + shift), bottom + shift
            end += self._heights[at]
            at += 1
        self.sum_up()
        return top
