"""What an arm is: from a cursor and a budget to what stands before the text in a prompt. Knows no way of choosing."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from megacontext.models.base import Segment

from ....cursor import Cursor
from ....engine import WINDOW_BEFORE
from ...repositories import Repository
from ..spots import Spot


@dataclass(frozen=True)
class Ask:
    """A cursor at which something is to be completed; its file ends there in memory."""

    repository: Repository
    spot: Spot
    cursor: Cursor

    @property
    def window(self) -> str:
        """What memory is searched by, as in a completion."""
        return self.cursor.prefix[-WINDOW_BEFORE:]

    @property
    def above(self) -> str:
        """The cursor's file up to what the prompt holds anyway."""
        return self.spot.before[: len(self.spot.before) - len(self.cursor.prefix)]


@dataclass(frozen=True)
class Context:
    """What one arm puts before the text at a cursor."""

    segments: tuple[Segment, ...]
    text: str
    """The same for people."""
    ms: float
    """Time that choosing took, in milliseconds."""
    names: tuple[str, ...] = ()
    """What the answer is held to begin with; anything where there are none."""


class Arm(Protocol):
    """Chooses in one repository, in whatever state it is now."""

    def contexts(self, ask: Ask, budgets: Sequence[int]) -> list[Context]:
        """One for each budget of positions, none over it. What serves all of them counts in the time of each."""
        ...


Chosen = tuple[Sequence[Segment], str]


def timed(choose: Callable[[int], Chosen], budgets: Sequence[int], before: float) -> list[Context]:
    """A context for each budget; `before` is the time, in seconds, that was spent for all of them."""
    found = []
    for budget in budgets:
        started = time.perf_counter()
        segments, text = choose(budget)
        spent = before + time.perf_counter() - started
        found.append(Context((*segments,), text, 1000 * spent))
    return found
