"""What memory is made of when a question comes: sources beside each other, each with its share of one budget.

They stand in one order, the stable first: packs, the repository, the old turns of a session. What a source does not
need of its share goes to the repository. Knows no model.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from megacontext.memory.focus import Focused, FocusQuery, Rendering, Shown, WorkingEntry
from megacontext.models.base import Text

from .events import FocusChange, Provenance

if TYPE_CHECKING:
    from .engine import Engine

REPOSITORY = "repository"


class Source(Protocol):
    """Something that memory is focused from, beside the repository or the repository itself."""

    @property
    def name(self) -> str:
        """What it is called: "repository", "session", or the label of a pack."""
        ...

    @property
    def heading(self) -> str:
        """What stands before its entries in a prompt."""
        ...

    @property
    def closing(self) -> str:
        """What stands behind them; "" where they need no end."""
        ...

    def render(self, entries: Sequence[WorkingEntry]) -> Rendering:
        """Some entries of its latest focus, in reading order; what may not be shown is left out."""
        ...

    def is_current(self, entry: WorkingEntry) -> bool:
        """Whether a verbatim entry still says what its source says."""
        ...

    def text_of(self, entry: WorkingEntry, focused: Focused) -> str | None:
        """The whole chunk of an entry of a focus, as it is now; None when it is gone."""
        ...

    def provenance(self, entry: WorkingEntry) -> Provenance:
        """Where an entry comes from; None for what is of this repository."""
        ...


class Beside(Source, Protocol):
    """A source that shares a budget with the repository."""

    @property
    def share(self) -> float:
        """Of the budget, that it may take at most."""
        ...

    def focus(self, query: FocusQuery) -> Focused | None:
        """What of it a query deserves, within the query's budget; None when it has nothing to say."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """What one source gives to a working context."""

    source: Source
    focused: Focused
    frame: int = 0
    """Positions of the heading and the closing."""

    @property
    def cost(self) -> int:
        """Positions that it takes of the budget."""
        return self.focused.total_cost + self.frame

    def change(self) -> FocusChange:
        """What it tells front ends."""
        return FocusChange.of(self.focused, self.source.name, self.source.provenance)


@dataclass(frozen=True, slots=True)
class KeptOut:
    """What would have mattered and may not surface."""

    place: str
    """A path behind its pack's label, or a whole pack."""
    rule: str
    score: float | None = None
    """What it would have scored; None for a whole pack, which was not looked into."""


@dataclass(frozen=True)
class Composed:
    """A working context over all sources."""

    parts: tuple[Part, ...]
    """In reading order; what has nothing to say is not among them, but for the repository."""
    budget: int
    elapsed_ms: float
    kept_out: tuple[KeptOut, ...] = ()
    notices: tuple[str, ...] = field(default=())
    """For the person: mounted packs that cannot be read."""

    @property
    def repository(self) -> Focused:
        """The repository's part."""
        return next(part.focused for part in self.parts if part.source.name == REPOSITORY)

    @property
    def total_cost(self) -> int:
        """Positions of everything; at most `budget`."""
        return sum(part.cost for part in self.parts)

    @property
    def entries(self) -> tuple[WorkingEntry, ...]:
        """What is rendered, source by source, the best of each first."""
        return tuple(entry for part in self.parts for entry in part.focused.entries)


class RepositorySource:
    """The repository itself, as an engine focuses and reads it."""

    name = REPOSITORY
    closing = ""

    def __init__(self, engine: "Engine", heading: str = "") -> None:
        self._engine = engine
        self.heading = heading

    def render(self, entries: Sequence[WorkingEntry]) -> Rendering:
        """Some entries of the engine's latest working context."""
        return self._engine.render(entries)

    def is_current(self, entry: WorkingEntry) -> bool:
        """Whether a chunk is still in its file."""
        return self._engine.memory.holds(entry.path, entry.node.digest)

    def text_of(self, entry: WorkingEntry, focused: Focused) -> str | None:
        """The chunk of an entry, checked against its file."""
        with self._engine.memory.reading():
            return self._engine.memory.text_of(focused.cut.tree.chunk(entry.node))

    def provenance(self, entry: WorkingEntry) -> Provenance:
        """Nothing to tell."""


def shares(beside: Iterable[Beside], query: FocusQuery, left: int) -> list[Part]:
    """Let sources beside the repository take what they need of their shares, one after the other.

    `left` positions of the query's budget are not taken yet.
    """
    parts: list[Part] = []
    for source in beside:
        room = min(left, int(query.budget * source.share))
        focused = source.focus(replace(query, budget=room)) if room > 0 else None
        if focused is not None:
            parts.append(Part(source, focused))
            left -= focused.total_cost
    return parts


def framed(source: Source, rendering: Rendering) -> tuple[Shown, ...]:
    """What is shown of a source, with its heading before it and its closing behind it; nothing when nothing is."""
    shown = list(rendering.shown)
    if shown and (text := opening(source)):
        first = shown[0]
        shown[0] = replace(first, text=text + first.text, parts=(Text(text), *first.parts))
    if shown and (text := ending(source)):
        last = shown[-1]
        shown[-1] = replace(last, text=last.text + text, parts=(*last.parts, Text(text)))
    return tuple(shown)


def opening(source: Source) -> str:
    """What is put before the entries of a source."""
    return f"{source.heading}\n\n" if source.heading else ""


def ending(source: Source) -> str:
    """What is put behind them."""
    return f"\n{source.closing}\n\n" if source.closing else ""
