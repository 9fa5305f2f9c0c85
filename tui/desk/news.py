"""What threads tell the screen, beside the agent's own events. Plain data."""

from dataclasses import dataclass, field
from queue import SimpleQueue

from megacontext.agent.events import Event
from megacontext.agent.permissions.asking import Answer, PermissionRequest

from .picture import Picture


@dataclass(frozen=True)
class Opened:
    """The memory is open, and equal to the files as far as it was not stopped."""

    files: int
    tokens: int
    example: str
    """A question to begin with."""
    place: str | None
    """Somewhere to complete."""
    read_only: str
    """Who keeps the memory fresh in our place; "" when we do."""
    stopped: bool = False
    """Whether the person stopped the indexing."""


@dataclass(frozen=True)
class Worked:
    """How far background work is."""

    stage: str
    """files or gists."""
    done: int
    total: int


@dataclass(frozen=True)
class Rested:
    """Background work is over."""

    stage: str
    gists: float | None = None
    """Share of chunks that have gists now, where that is known."""


@dataclass(frozen=True)
class Freshened:
    """Files have changed, and memory knows."""

    paths: tuple[str, ...]
    ms: float


@dataclass(frozen=True)
class Happened:
    """An event of the agent or the engine."""

    event: Event


@dataclass(frozen=True)
class Refocused:
    """The memory is focused in another way."""

    picture: Picture


@dataclass(frozen=True)
class Asking:
    """The agent waits for an answer in `answers`."""

    request: PermissionRequest
    answers: SimpleQueue[Answer] = field(compare=False)


@dataclass(frozen=True)
class Over:
    """The turn, completion or program that the person waited for has ended."""


@dataclass(frozen=True)
class Trouble:
    """Something failed; the sentence tells what and how to mend it."""

    text: str


@dataclass(frozen=True)
class Ready:
    """The agent is there, with a conversation that may already have turns."""

    model: str
    device: str
    codec: str
    chats: bool
    reason: str
    """Why this model."""
    branch: str
    session: str
    history: tuple[Event, ...]
    """What happened in this session before."""


@dataclass(frozen=True)
class Failed:
    """The program itself is at fault: the screen has to fall, and say where."""

    error: BaseException


@dataclass(frozen=True)
class Remark:
    """One line for the person."""

    text: str
    role: str = "dim"


@dataclass(frozen=True)
class Printed:
    """A program of the person's has ended."""

    line: str
    text: str
    note: str
    ok: bool


News = (
    Opened
    | Ready
    | Failed
    | Worked
    | Rested
    | Freshened
    | Happened
    | Refocused
    | Asking
    | Over
    | Trouble
    | Remark
    | Printed
)
