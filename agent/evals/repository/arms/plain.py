"""Arms that look for nothing: no memory, what was written last, and all that a prompt can hold."""

import time
from collections.abc import Iterator, Sequence

from megacontext.memory.focus.node import ancestors_of

from .arm import Ask, Context, timed
from .packing import Packer
from .passages import Passage, Passages, passages_of


class Nothing:
    """The text at the cursor alone."""

    def contexts(self, ask: Ask, budgets: Sequence[int]) -> list[Context]:
        """Empty ones."""
        return [Context((), "", 0.0) for _ in budgets]


class Recency:
    """What stands above the cursor's text in its file, from below; then the files that are nearest by folders.

    A fresh checkout knows no times of edits, so nearness stands for them.
    """

    def __init__(self, passages: Passages, packer: Packer) -> None:
        self._passages = passages
        self._packer = packer

    def contexts(self, ask: Ask, budgets: Sequence[int]) -> list[Context]:
        """See `Arm.contexts`."""
        started = time.perf_counter()
        ranked = [*self._above(ask), *self._near(ask)]
        spent = time.perf_counter() - started
        return timed(lambda budget: self._packer.pack(ranked, budget), budgets, spent)

    def _above(self, ask: Ask) -> Iterator[Passage]:
        yield from reversed(passages_of(ask.spot.path, ask.above))

    def _near(self, ask: Ask) -> list[Passage]:
        own = set(ancestors_of(ask.spot.path))

        def shared(passage: Passage) -> float:
            folders = set(ancestors_of(passage.path))
            return len(folders & own) / len(folders | own)

        return sorted(self._passages.but(ask.spot.path), key=shared, reverse=True)


class Ceiling(Recency):
    """As much as the model can read, with the definitions that the true line needs nearest to the cursor.

    It knows what is to be completed: a bound, no entrant.
    """

    def _above(self, ask: Ask) -> Iterator[Passage]:
        yield from self._definitions(ask)
        yield from super()._above(ask)
        others = self._passages.but(ask.spot.path)
        yield from (passage for passage in others if passage.path in ask.spot.homes)

    def _definitions(self, ask: Ask) -> Iterator[Passage]:
        needed = {
            (symbol.path, symbol.line)
            for symbol in ask.repository.memory.catalogue.symbols_named(ask.spot.name)
            if symbol.path in ask.spot.homes
        }
        for passage in self._passages.but(ask.spot.path):
            if any(
                passage.path == path and passage.first <= line <= passage.last
                for path, line in needed
            ):
                yield passage
