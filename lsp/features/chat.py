"""`megacontext/chat`: a whole conversation with the agent, for clients that have no other way to one.

A request is one message. What happens comes as `$/progress` with the client's `partialResultToken`: the agent's events,
as `megacontext chat -p --output stream-json` writes them. The result says how the turn ended, and its session.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Literal

from lsprotocol import types
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pygls.exceptions import JsonRpcInvalidParams

from megacontext.agent.chat.events import TurnEnded
from megacontext.agent.chat.opening import Wanted, open_agent
from megacontext.agent.engine import Engine
from megacontext.agent.events import Event, Token
from megacontext.configs.errors import ToolError

from ..asking import Asker, OpenDocuments
from ..folders import Cancelled, Folder
from ..targets import as_data
from ..waiting import Line

if TYPE_CHECKING:
    from ..server import Server

CHAT: Final = "megacontext/chat"
LONGEST = 1_000_000


class ChatParams(BaseModel):
    """The parameters of a message."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    text: str = Field(min_length=1, max_length=LONGEST)
    session: str | None = Field(None, max_length=100)
    """To go on with; null begins a new one."""
    uri: str | None = Field(None, max_length=8_000)
    """Any document of the folder that is meant; not needed where one folder is open."""
    mode: Literal["ask", "accept-edits", "plan"] | None = None
    partialResultToken: str | int | None = None  # noqa: N815  the protocol's own name
    workDoneToken: str | int | None = None  # noqa: N815


def register(server: "Server") -> None:
    """Offer it."""

    @server.feature(CHAT)
    async def chat(params: Any) -> dict[str, Any]:
        try:
            given = ChatParams.model_validate(as_data(params))
        except ValidationError as exc:
            fault = exc.errors()[0]
            where = ".".join(map(str, fault["loc"])) or "params"
            raise JsonRpcInvalidParams(f"{CHAT}: {where}: {fault['msg']}") from exc
        return await _chat(server, given)


async def _chat(server: "Server", given: ChatParams) -> dict[str, Any]:
    folder, cancel = _folder(server, given.uri), Cancelled()
    loop, line = asyncio.get_running_loop(), Line(cancel)
    asker, documents = Asker(server, line), OpenDocuments(server, folder, line)

    def tell(event: Event) -> None:
        if given.partialResultToken is not None:
            params = types.ProgressParams(given.partialResultToken, event.as_json())
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(server.progress, params)

    def work(engine: Engine) -> dict[str, Any]:
        wanted = Wanted(session=given.session, mode=given.mode)
        agent = open_agent(engine.beside(), asker, wanted, editor=documents)
        try:
            return _turn(agent.session.folder.name, agent.send(given.text, cancel), tell)
        finally:
            agent.close()

    result = await folder.act(work, cancel)
    if result is None:
        raise ToolError("the memory of this folder is still being opened; ask again")
    return result


def _turn(session: str, events: Any, tell: Callable[[Event], None]) -> dict[str, Any]:
    text, ending, detail = "", "error", ""
    for event in events:
        tell(event)
        if isinstance(event, Token):
            text += event.text
        elif isinstance(event, TurnEnded):
            ending, detail = event.reason, event.detail
    return {"session": session, "text": text, "ending": ending, "detail": detail}


def _folder(server: "Server", uri: str | None) -> Folder:
    if uri is not None:
        found = server.folders.find(uri)
        if found is not None:
            return found[0]
        raise ToolError(f"{uri[:200]} is in no folder that is open")
    folders = list(server.folders)
    if len(folders) != 1:
        raise ToolError("say which folder is meant, by the `uri` of any document in it")
    return folders[0]
