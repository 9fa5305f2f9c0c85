"""Agents over a small repository: a scripted model, two plain tools, and whoever answers for the person."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from megacontext.agent.chat.agent import Agent
from megacontext.agent.chat.calls import Calls
from megacontext.agent.chat.instructions import InstructionFiles
from megacontext.agent.chat.limits import Limits
from megacontext.agent.chat.logbook import Logbook
from megacontext.agent.chat.sessions.store import Sessions
from megacontext.agent.edits.change import Change
from megacontext.agent.edits.journal import Journal
from megacontext.agent.engine import Engine
from megacontext.agent.permissions.asking import Answer, Approver, PermissionRequest, Yes
from megacontext.agent.permissions.permissions import Permissions
from megacontext.agent.tools.base import (
    Action,
    Cancel,
    Edit,
    Plan,
    Shop,
    Tool,
    ToolError,
    ToolResult,
    ToolSpec,
)
from megacontext.agent.tools.focus_control import FocusControl
from megacontext.models.base import BaseModel
from tests.agent.conftest import *  # noqa: F403  fixtures


def schema(*names: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}}


class Look:
    """Reads a file."""

    spec = ToolSpec(
        "look", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}}
    )
    action: Action = "read"

    def subject(self, arguments: Mapping[str, Any]) -> str:
        return str(arguments.get("path", ""))

    def plan(self, arguments: Mapping[str, Any], shop: Shop) -> Plan:
        path = str(arguments.get("path"))
        if shop.memory.read(path) is None:
            raise ToolError(f"there is no file {path}")
        return Plan(tool="look", action="read", subject=path, summary=f"read {path}")

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        text = (shop.memory.read(plan.subject) or b"").decode()
        return ToolResult(text=text, summary=f"{len(text)} characters")


class Put:
    """Writes a file."""

    spec = ToolSpec(
        "put",
        "Write a file.",
        {"type": "object", "properties": {"path": {"type": "string"}, "text": {"type": "string"}}},
    )
    action: Action = "edit"

    def subject(self, arguments: Mapping[str, Any]) -> str:
        return str(arguments.get("path", ""))

    def plan(self, arguments: Mapping[str, Any], shop: Shop) -> Plan:
        path, text = str(arguments["path"]), str(arguments["text"])
        change = Change(path, shop.memory.read(path), text.encode())
        return Plan(
            tool="put", action="edit", subject=path, summary=f"write {path}", changes=(change,)
        )

    def execute(self, plan: Plan, shop: Shop, cancel: Cancel | None = None) -> ToolResult:
        step = shop.journal.apply(plan.changes, plan.summary)
        shop.memory.writer.apply([plan.subject])
        [change] = plan.changes
        edit = Edit(change.path, change.diff, step.number)
        return ToolResult(text="written", summary="written", edited=(edit,))


@dataclass
class Person:
    """Answers as told, and remembers what was asked; says yes when the answers run out."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[PermissionRequest] = field(default_factory=list)

    def ask(self, request: PermissionRequest) -> Answer:
        self.asked.append(request)
        return self.answers.pop(0) if self.answers else Yes()


MakeAgent = Callable[..., Agent]


@pytest.fixture
def make_agent(open_engine) -> MakeAgent:
    """An agent of a model; settings as `chat__page=…`."""

    def make(
        model: BaseModel,
        approver: Approver | None = None,
        tools: Sequence[Tool] = (Look(), Put()),
        *,
        limits: Limits | None = None,
        trusted: bool = True,
        session: str | None = None,
        engine: Engine | None = None,
        **settings: Any,
    ) -> Agent:
        engine = engine or open_engine(model, **settings)
        places = engine.memory.places
        sessions = Sessions(places)
        kept = sessions.open(session) if session else sessions.new(model=model.name)
        journal = Journal(places.root, places.state / "undo" / kept.folder.name)
        sandbox: Any = None
        shop = Shop(places.root, engine.memory, engine.settings, journal, sandbox, FocusControl())
        permissions = Permissions.of(engine.settings, trusted=trusted)
        calls = Calls(tools, shop, permissions, approver or Person())
        bytes_read = engine.settings.chat.instructions_bytes
        instructions = InstructionFiles(engine.memory, trusted=trusted, limit=bytes_read)
        logbook = Logbook(places.state / "logs", kept.folder.name)
        limits = limits or Limits.of(engine.settings.chat)
        return Agent(engine, kept, calls, instructions, limits, logbook)

    return make


def root_of(agent: Agent) -> Path:
    return agent.engine.memory.places.root
