"""What the engine tells its front ends, in order. Plain data; knows no screen and no protocol."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from megacontext.memory.focus import Focused, WorkingEntry

Provenance = dict[str, Any] | None
"""Where a span of a pack comes from, as JSON data; None for what is of the repository or the session."""


@dataclass(frozen=True, slots=True)
class FocusedEntry:
    """One rendered entry of the working context."""

    path: str
    start_line: int
    end_line: int
    level: int
    cost: int
    """Positions of the base model."""
    score: float
    reasons: tuple[str, ...]
    provenance: Provenance = None

    @classmethod
    def of(cls, entry: WorkingEntry, provenance: Provenance = None) -> "FocusedEntry":
        """The reported part of a working entry."""
        score = round(entry.score, 4)
        return cls(
            entry.path,
            entry.start_line,
            entry.end_line,
            entry.level,
            entry.cost,
            score,
            entry.reasons,
            provenance,
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Root of all events; `kind` names it in JSON."""

    kind: ClassVar[str] = "event"

    def as_json(self) -> dict[str, Any]:
        """The event as JSON data, `event` first."""
        return {"event": self.kind, **asdict(self)}


@dataclass(frozen=True, slots=True)
class FocusChange(Event):
    """The working context is another one now."""

    kind: ClassVar[str] = "focus"
    budget: int
    total_cost: int
    entries: tuple[FocusedEntry, ...]
    """Best first."""
    expanded: int
    collapsed: int
    ms: float
    source: str = "repository"
    """Or "session": what is remembered of a long conversation; or the label of a pack."""

    @classmethod
    def of(
        cls,
        focused: Focused,
        source: str = "repository",
        provenance: Callable[[WorkingEntry], Provenance] = lambda _: None,
    ) -> "FocusChange":
        """What a focus tells; `provenance` tells where an entry comes from."""
        entries = tuple(FocusedEntry.of(entry, provenance(entry)) for entry in focused.entries)
        changes = focused.changes
        counts = len(changes.expanded), len(changes.collapsed)
        took = round(focused.elapsed_ms, 1)
        return cls(focused.budget, focused.total_cost, entries, *counts, took, source)


@dataclass(frozen=True, slots=True)
class Notice(Event):
    """One line for the person that is no part of the answer."""

    kind: ClassVar[str] = "notice"
    text: str


@dataclass(frozen=True, slots=True)
class Token(Event):
    """A piece of generated text."""

    kind: ClassVar[str] = "token"
    text: str


@dataclass(frozen=True, slots=True)
class Cited(Event):
    """A span of the repository, or of a pack, that the answer rests on, with its text as it is on disk now."""

    kind: ClassVar[str] = "span"
    path: str
    start_line: int
    end_line: int
    text: str
    score: float
    reasons: tuple[str, ...]
    provenance: Provenance = None


@dataclass(frozen=True, slots=True)
class Citation(Event):
    """A place that a model's answer names, checked."""

    kind: ClassVar[str] = "citation"
    path: str
    start_line: int
    end_line: int
    standing: Literal["read", "unread", "invented"]
    """read: the model had these lines before it; unread: they exist, but it had not; invented: there are none."""
    provenance: Provenance = None


@dataclass(frozen=True, slots=True)
class Usage(Event):
    """What an answer took; the last event."""

    kind: ClassVar[str] = "usage"
    model: str
    positions: int
    """Length of the prompt."""
    reused: int
    """Positions of it that came from the KV cache."""
    generated: int
    """Tokens drawn, also those that were taken back."""
    stop_reason: str
    """stop, length or cancelled."""
    ms: float
    mean_logprob: float | None
    """Mean natural log-probability of the tokens drawn; None where the model does not tell."""
