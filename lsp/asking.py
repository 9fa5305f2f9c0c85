"""The agent's questions to the person before the editor, and the documents that are open there. Knows no turn."""

from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from megacontext.agent.edits.text_file import plain
from megacontext.agent.permissions.asking import Always, Answer, No, PermissionRequest, Stop, Yes
from megacontext.configs.errors import ToolError

from .editing import Abilities, workspace_edit
from .folders import Folder
from .view import View
from .waiting import Line, StoppedError

if TYPE_CHECKING:
    from .server import Server

ANSWER_S = 600.0
"""A person who does not answer within this time has said no."""
EDIT_S = 10.0
MOST_SHOWN = 2_000
"""Characters of what would happen, in a question."""


class Asker:
    """The `Approver` of a person, by `window/showMessageRequest`."""

    def __init__(self, server: "Server", line: Line) -> None:
        self._server = server
        self._line = line

    def ask(self, request: PermissionRequest) -> Answer:
        """Ask, and wait; a client that cannot ask has not allowed it."""
        answers: dict[str, Answer] = {"Allow": Yes()}
        if request.always:
            answers[f"Always allow {request.always[0]}"] = Always(request.always[0])
        answers |= {"Refuse": No(), "Stop": Stop()}
        preview = request.plan.preview
        cut = preview if len(preview) <= MOST_SHOWN else f"{preview[:MOST_SHOWN]}…"
        params = types.ShowMessageRequestParams(
            types.MessageType.Warning,
            f"MegaContext: {request.plan.summary}\n{cut}",
            [types.MessageActionItem(title) for title in answers],
        )
        try:
            asked = self._server.window_show_message_request_async(params)
            chosen = self._line.wait(asked, ANSWER_S)
        except StoppedError:
            return Stop()
        except (JsonRpcException, TimeoutError, OSError) as exc:
            return No(f"the editor could not ask: {exc or 'it gave no answer'}")
        return answers.get(chosen.title, No()) if chosen is not None else No()


class OpenDocuments:
    """The `Editor` behind a client: reads what is open there, and edits that there; it stays unsaved."""

    def __init__(self, server: "Server", folder: Folder, line: Line) -> None:
        self._server = server
        self._folder = folder
        self._line = line
        self._can = Abilities.of(server.client_capabilities)

    def text(self, path: str) -> str | None:
        """The text of an open document."""
        try:
            return self._line.wait(self._text(path), EDIT_S)
        except StoppedError as exc:
            raise ToolError("cancelled, so nothing was read") from exc

    async def _text(self, path: str) -> str | None:
        return View(self._server, self._folder).buffers.get(path)

    def put(self, path: str, text: str) -> bool:
        """Edit an open document; raises ToolError when the client does not."""
        try:
            return self._line.wait(self._put(path, text), EDIT_S)
        except StoppedError as exc:
            raise ToolError(f"cancelled while {path} was edited in the editor") from exc
        except (JsonRpcException, TimeoutError, OSError) as exc:
            raise ToolError(f"the editor did not edit {path}: {exc or 'no answer'}") from exc

    async def _put(self, path: str, text: str) -> bool:
        view = View(self._server, self._folder)
        before = view.buffers.get(path)
        if before is None or not self._can.applies:
            return False
        if plain(before) == plain(text):
            return True
        # The person has said yes to this very change already.
        edit = workspace_edit(view, {path: (before, text)}, "MegaContext", self._can, confirm=False)
        done = await self._server.workspace_apply_edit_async(
            types.ApplyWorkspaceEditParams(edit, label=f"MegaContext: {path}")
        )
        if not done.applied:
            reason = done.failure_reason or "it gave no reason"
            raise ToolError(f"the editor did not edit {path}: {reason}")
        return True
