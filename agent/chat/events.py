"""What the agent tells its front ends while it works, beside the events of `agent.events`. Plain data.

A turn is: TurnStarted; then, for each question to the model, perhaps a FocusChange, Token … and Writing …, Usage, and
for each tool it calls ToolStarted, perhaps PermissionAsked and PermissionGiven, Edited …, ToolFinished; behind all
calls of an answer CheckFinished …; a call that cannot be made is CallRefused. The last answer is followed by a Citation
for each place that it names. Notices may come anywhere. TurnEnded is always last, whatever happens.
"""

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

from ..events import Event

Ending = Literal["done", "limit", "cancelled", "refused", "error"]
"""done: the model had nothing more to do; limit: of queries, tokens, time or malformed calls; cancelled: by the person;
refused: the person, or a rule where nobody can be asked, stopped the work; error: the model or the memory failed."""


@dataclass(frozen=True, slots=True)
class Measures:
    """What a turn took, added up over its queries."""

    queries: int = 0
    """Questions to the model."""
    positions: int = 0
    """Lengths of the prompts."""
    reused: int = 0
    """Positions of them that came from the KV cache."""
    generated: int = 0
    """Tokens drawn."""
    calls: int = 0
    """Tools that ran."""
    malformed: int = 0
    """Calls that could not be read or made."""
    expanded: int = 0
    """Entries of the working context that were not rendered before the turn."""
    collapsed: int = 0
    by_level: dict[int, int] = field(default_factory=dict)
    """Positions of the working context at the end, by level of detail."""
    first_token_ms: float | None = None
    """From the start of the turn to the first token; None when there was none."""
    model_ms: float = 0.0
    """In the model."""
    tools_ms: float = 0.0
    """In tools, without the time that a person took to answer."""
    ms: float = 0.0
    """The whole turn."""


@dataclass(frozen=True, slots=True)
class TurnStarted(Event):
    """A turn begins."""

    kind: ClassVar[str] = "turn"
    turn: int
    """Number of the turn in its conversation, from 1."""
    text: str


@dataclass(frozen=True, slots=True)
class Writing(Event):
    """A piece of a call that the model is writing; the whole of it comes as ToolStarted or CallRefused."""

    kind: ClassVar[str] = "writing"
    text: str


@dataclass(frozen=True, slots=True)
class ToolStarted(Event):
    """The model calls a tool."""

    kind: ClassVar[str] = "tool"
    call_id: str
    """Distinct in the conversation."""
    name: str
    subject: str
    """What it is about, for people: a path, a command line."""
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PermissionAsked(Event):
    """The person is about to be asked through the `Approver`; the answer follows as PermissionGiven."""

    kind: ClassVar[str] = "permission"
    call_id: str
    name: str
    action: str
    """read, edit, run or call."""
    subject: str
    why: str
    """The rule or mode that asks."""
    preview: str
    """What would happen: a unified diff, a command; "" where the subject says it all."""


@dataclass(frozen=True, slots=True)
class PermissionGiven(Event):
    """What a call may do; only after PermissionAsked, or when a rule or mode denies."""

    kind: ClassVar[str] = "permitted"
    call_id: str
    allowed: bool
    why: str
    """Who decided: a rule, a mode, or the person, with the reason they gave."""


@dataclass(frozen=True, slots=True)
class Edited(Event):
    """A file is another one now."""

    kind: ClassVar[str] = "edit"
    call_id: str
    path: str
    diff: str
    """Unified."""
    step: int
    """Number of the step in the undo journal."""


@dataclass(frozen=True, slots=True)
class CheckFinished(Event):
    """A check of the project ran after an edit."""

    kind: ClassVar[str] = "check"
    call_id: str
    command: str
    ok: bool
    text: str
    """The end of its output."""


@dataclass(frozen=True, slots=True)
class ToolFinished(Event):
    """A tool has ended, or was not allowed to begin."""

    kind: ClassVar[str] = "tool_result"
    call_id: str
    name: str
    ok: bool
    summary: str
    """One line for people."""
    text: str
    """What the model is told."""
    ms: float


@dataclass(frozen=True, slots=True)
class CallRefused(Event):
    """The model wrote a call that cannot be made; it is told why and may try again."""

    kind: ClassVar[str] = "malformed"
    reason: str
    text: str
    """What it wrote."""


@dataclass(frozen=True, slots=True)
class TurnEnded(Event):
    """The turn is over; always the last event."""

    kind: ClassVar[str] = "end"
    reason: Ending
    detail: str
    """One sentence for people; "" when the turn is done and there is nothing to say."""
    measures: Measures

    def as_json(self) -> dict[str, Any]:
        """The event as JSON data; keys of levels are text, as JSON has it."""
        data = {"event": self.kind, **asdict(self)}
        levels = data["measures"]["by_level"]
        data["measures"]["by_level"] = {f"L{level}": cost for level, cost in sorted(levels.items())}
        return data
