"""The border between the agent and whoever says yes or no: a request, the answers, and the one who is asked."""

from dataclasses import dataclass
from typing import Literal, Protocol

from ..tools.base import Plan

Decision = Literal["ask", "allow", "deny"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the rules: which calls, and what holds for them."""

    tool: str
    """Name of a tool, `edit` for all that change files, or `*`."""
    pattern: str
    """Of the subject: a path in .gitignore's patterns, a command line with `*`; "" fits any."""
    decision: Decision

    def __str__(self) -> str:
        return f"{self.tool}({self.pattern})" if self.pattern else self.tool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of a plan."""

    decision: Decision
    why: str
    """The rule or the mode that decided, in words for people."""


@dataclass(frozen=True)
class PermissionRequest:
    """One call that waits for an answer."""

    call_id: str
    plan: Plan
    why: str
    """Why it is asked."""
    always: tuple[Rule, ...] = ()
    """Rules to offer, the narrowest first, with which it would not be asked again in this session."""


@dataclass(frozen=True, slots=True)
class Yes:
    """This once."""


@dataclass(frozen=True, slots=True)
class Always:
    """This time, and whenever the rule fits, until the session ends."""

    rule: Rule


@dataclass(frozen=True, slots=True)
class No:
    """Not this; the model is told the reason and goes on."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Never:
    """Not this, nor whatever the rule fits, until the session ends."""

    rule: Rule


@dataclass(frozen=True, slots=True)
class Part:
    """This plan in place of the other: fewer hunks (`Plan.with_hunks`)."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Stop:
    """Not this, and nothing further: the turn ends."""


Answer = Yes | Always | No | Never | Part | Stop


class Approver(Protocol):
    """Whoever is asked: a person before a screen, or a rule where nobody sits."""

    def ask(self, request: PermissionRequest) -> Answer:
        """Wait for an answer. Called from the thread in which the agent works."""
        ...
