"""What a host tells the front end that it works for. Plain data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Opened:
    """The memory can be read. Told again when this process has become the one that writes."""

    writes: bool
    writer: str
    """Who writes instead; "" where this process does, or nobody knows."""


@dataclass(frozen=True, slots=True)
class Worked:
    """How far a piece of work is."""

    stage: str
    """files or gists"""
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Rested:
    """A piece of work has ended."""

    stage: str
    stopped: bool = False
    """Whether it was stopped before its end."""


@dataclass(frozen=True, slots=True)
class Freshened:
    """Memory has taken in what changed."""

    paths: tuple[str, ...]
    ms: float
    """Since the first of the changes."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something went wrong; the rest goes on."""

    text: str


HostNews = Opened | Worked | Rested | Freshened | Trouble
