"""The border between a cut and a model: what an entry is, what it costs, what it renders to.

The text codec stands beside this file; any other (gists) joins through the same protocol.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from megacontext.models.base import Segment

from .node import Node


@dataclass(frozen=True, slots=True)
class WorkingEntry:
    """One node of a cut at its level, as it is reported and rendered."""

    node: Node
    level: int
    cost: int
    """Positions of the base model, the file header included where this entry opens one; 0 when silent."""
    score: float
    """Signed: above 0 asks for more detail, below for less."""
    reasons: tuple[str, ...]
    """Why, for a person, the strongest first."""
    path: str
    """As it is shown: behind the label of its source, which the repository has none of."""
    start_line: int
    """1-based; 0 for directories."""
    end_line: int
    silent: bool
    """Covered by the cut, not rendered."""
    pinned: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """What one spoken entry renders to."""

    entry: WorkingEntry
    text: str
    """Header or gap and body, for people and for remote models."""
    parts: tuple[Segment, ...]
    """The same for a model's prompt."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """A rendered cut, in reading order."""

    shown: tuple[Shown, ...]
    stale: tuple[str, ...]
    """Paths whose file no longer is what the catalogue says: reconcile them and focus again."""

    @property
    def text(self) -> str:
        """Everything in one string."""
        return "".join(item.text for item in self.shown)

    @property
    def segments(self) -> list[Segment]:
        """Everything as a model's prompt."""
        return [part for item in self.shown for part in item.parts]


class Codec(Protocol):
    """How a cut becomes model input."""

    @property
    def levels(self) -> frozenset[int]:
        """The levels it can render; a view of the tree for it must have the same."""

    def prepare(self, nodes: Sequence[Node]) -> None:
        """Measure many nodes at once, so that `cost` of each is a look-up."""

    def cost(self, node: Node, after: Node | None) -> int:
        """Positions that `node` takes behind the rendered node `after` (None: it comes first).

        Headers are part of it, once for a run of entries of the same file.
        """

    def render(self, entries: Sequence[WorkingEntry]) -> Rendering:
        """Turn the spoken entries of a cut, given in reading order, into model input."""
