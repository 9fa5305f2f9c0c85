"""The border between the agent's loop and its tools: what a tool is, plans, and answers.

A call has three steps. `plan` checks the arguments and computes what would happen, without any effect; then somebody
decides whether that may happen (`permissions`); `execute` does exactly what was planned. Knows no model and no screen.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from megacontext.configs.errors import ToolError
from megacontext.configs.settings import Settings
from megacontext.memory.memory import Memory
from megacontext.models.base import Cancel, ToolSpec

from ..edits.change import Change

if TYPE_CHECKING:
    from ..edits.editor import Editor
    from ..edits.journal import Journal
    from ..packs.reading import PackReading
    from ..sandbox.sandbox import Sandbox
    from ..sandbox.secrets import Secrets
    from .focus_control import FocusControl

__all__ = [
    "Action",
    "Cancel",
    "Edit",
    "Plan",
    "Shop",
    "Tool",
    "ToolError",
    "ToolResult",
    "ToolSpec",
]

Action = Literal["read", "edit", "run", "call"]
"""read: looks at the repository and changes nothing; edit: changes its files; run: runs a program; call: has another
program's tool do something that nobody here knows."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a call would do, found out without doing it."""

    tool: str
    action: Action
    subject: str
    """What patterns of permissions match, and what people read: a path, a command line, "git diff"."""
    summary: str
    """One line for people: what would happen."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """The arguments as they were understood: of the right types, complete."""
    mended: tuple[str, ...] = ()
    """What was put right in the model's arguments, in words for the model."""
    changes: tuple[Change, ...] = ()
    """The exact new contents of files, for edits."""

    @property
    def preview(self) -> str:
        """What would happen, for eyes: a unified diff, a command line; "" where the subject says it all."""
        if self.action in {"run", "call"}:
            return self.subject
        return "".join(change.diff for change in self.changes)

    def with_hunks(self, chosen: Mapping[str, Collection[int]]) -> "Plan":
        """The plan with the hunks at these indices, by path, alone; a path that is missing keeps none."""
        kept = [change.with_hunks(chosen.get(change.path, ())) for change in self.changes]
        return replace(self, changes=tuple(change for change in kept if not change.is_empty))


@dataclass(frozen=True, slots=True)
class Edit:
    """A file that was changed."""

    path: str
    diff: str
    """Unified."""
    step: int
    """Number of the step in the undo journal."""


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """What came out of a call."""

    text: str
    """For the model: bounded, without secrets."""
    summary: str
    """One line for people."""
    ok: bool = True
    edited: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class Shop:
    """What tools work with; `opening.open_shop` makes one."""

    root: Path
    """The repository, absolute, symlinks resolved."""
    memory: Memory
    settings: Settings
    journal: "Journal"
    """The only way to write files; keeps what is needed to undo it."""
    sandbox: "Sandbox"
    """The only way to run programs."""
    focus: "FocusControl"
    """What the person or the model pinned, expanded and collapsed."""

    @cached_property
    def packs(self) -> "PackReading":
        """What may be read of the packs beside the repository."""
        from ..packs.reading import PackReading

        return PackReading(self.memory, self.settings, "chat")

    @property
    def editor(self) -> "Editor | None":
        """The editor that has files open, where there is one."""
        return self.journal.editor

    @property
    def secrets(self) -> "Secrets":
        """What no model may be shown."""
        return self.sandbox.secrets


class Tool(Protocol):
    """One thing that a model can ask for."""

    @property
    def spec(self) -> ToolSpec:
        """What the model is told of it."""
        ...

    @property
    def action(self) -> Action:
        """What kind of thing it does; `plan` may say less (`git` reads, though it runs a program)."""
        ...

    def subject(self, arguments: Mapping[str, Any]) -> str:
        """What a call is about, from arguments that nobody has checked yet; never raises."""
        ...

    def plan(self, arguments: Mapping[str, Any], shop: Shop) -> Plan:
        """Check the arguments and compute what would happen. No effect.

        Raises ToolError with a reason that the model can act on.
        """
        ...

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        """Do what was planned.

        Raises ToolError when that cannot be done any more (a file has changed since), StoreFullError when the disk
        is full.
        """
        ...
