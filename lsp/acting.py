"""Work of the agent that a person asked for with a click, shown as progress while it lasts."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types
from pygls.capabilities import get_capability

from megacontext.agent.chat.events import ToolStarted, TurnEnded
from megacontext.agent.chat.proposing import proposing
from megacontext.agent.engine import Engine
from megacontext.agent.events import Token
from megacontext.configs.errors import ToolError

from .editing import Abilities, Proposed, workspace_edit
from .folders import Cancelled
from .view import View

if TYPE_CHECKING:
    from .server import Server

Result = TypeVar("Result")
LONGEST_LABEL = 80
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    text: str
    """The model's last words."""
    proposed: Proposed


class Progress:
    """How far the work is; silent where the client shows none. Cancelling it cancels the work."""

    def __init__(self, server: "Server", title: str, cancel: Cancelled) -> None:
        self._server = server
        self._title = title
        self._cancel = cancel
        self._token = f"megacontext-work-{next(_numbers)}"
        can = get_capability(server.client_capabilities, "window.work_done_progress", False)
        self._shown = bool(can) and server.options.progress
        self._loop = asyncio.get_running_loop()

    async def begin(self) -> None:
        """Show it."""
        if not self._shown:
            return
        shown = self._server.work_done_progress
        await shown.create_async(self._token)
        shown.begin(self._token, types.WorkDoneProgressBegin(title=self._title, cancellable=True))
        shown.tokens[self._token].add_done_callback(lambda _: self._cancel.set())

    def say(self, text: str) -> None:
        """What is being done now; from any thread."""
        if self._shown:
            step = types.WorkDoneProgressReport(message=text[:LONGEST_LABEL])
            self._loop.call_soon_threadsafe(
                self._server.work_done_progress.report, self._token, step
            )

    def end(self) -> None:
        """Take it away."""
        if self._shown:
            self._server.work_done_progress.end(self._token, types.WorkDoneProgressEnd())
            self._server.work_done_progress.tokens.pop(self._token, None)


async def explain(server: "Server", view: View, question: str) -> str:
    """A model's answer to a question about code."""

    def work(engine: Engine, cancel: Cancelled, _: Callable[[str], None]) -> str:
        events = engine.beside().ask(question, cancel=cancel)
        return "".join(event.text for event in events if isinstance(event, Token))

    return await _done(server, view, "Explaining", work)


async def edit(server: "Server", view: View, title: str, task: str) -> dict[str, Any]:
    """Have the agent propose edits and the client make them; what came of it, as JSON."""
    can = Abilities.of(server.client_capabilities)
    if not can.applies:
        raise ToolError("this editor takes no edits from a server (workspace/applyEdit)")

    def work(engine: Engine, cancel: Cancelled, say: Callable[[str], None]) -> Outcome:
        return _proposed(engine, view, task, cancel, say)

    outcome = await _done(server, view, title, work)
    if not outcome.proposed:
        raise ToolError(f"nothing was changed: {outcome.text.strip() or 'the model had no edit'}")
    label = f"MegaContext: {title}"[:LONGEST_LABEL]
    params = types.ApplyWorkspaceEditParams(
        workspace_edit(view, outcome.proposed, label, can), label=label
    )
    answer = await server.workspace_apply_edit_async(params)
    return {
        "applied": answer.applied,
        "files": [view.uri_of(path) for path in outcome.proposed],
        "text": outcome.text,
    }


async def _done(
    server: "Server",
    view: View,
    title: str,
    work: Callable[[Engine, Cancelled, Callable[[str], None]], Result],
) -> Result:
    """Work in the thread that has the model, with progress."""
    cancel = Cancelled()
    progress = Progress(server, title, cancel)
    await progress.begin()
    try:
        result = await view.folder.act(lambda engine: work(engine, cancel, progress.say), cancel)
    finally:
        progress.end()
    if result is None:
        raise ToolError("the memory of this folder is still being opened; ask again")
    if cancel.is_set():
        raise ToolError("cancelled, so nothing was changed")
    return result


def _proposed(
    engine: Engine, view: View, task: str, cancel: Cancelled, say: Callable[[str], None]
) -> Outcome:
    text = ""
    with proposing(engine, view.buffers) as (agent, draft):
        for event in agent.send(task, cancel):
            if isinstance(event, ToolStarted):
                text = ""
                say(f"{event.name} {event.subject}")
            elif isinstance(event, Token):
                text += event.text
            elif isinstance(event, TurnEnded) and event.reason == "error":
                raise ToolError(event.detail)
        return Outcome(text, draft.proposed)
