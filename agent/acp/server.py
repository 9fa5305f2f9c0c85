"""The agent's side of the Agent Client Protocol: its methods, over sessions. Knows no wire."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from acp.helpers import update_agent_message_text, update_available_commands, update_current_mode
from acp.interfaces import Client
from acp.schema import (
    AgentCapabilities,
    AuthenticateResponse,
    AvailableCommand,
    ClientCapabilities,
    CloseSessionResponse,
    Implementation,
    InitializeResponse,
    ListSessionsResponse,
    LoadSessionResponse,
    McpCapabilities,
    NewSessionResponse,
    PromptCapabilities,
    PromptResponse,
    ResumeSessionResponse,
    SessionCapabilities,
    SessionCloseCapabilities,
    SessionInfo,
    SessionInfoUpdate,
    SessionListCapabilities,
    SessionResumeCapabilities,
    SetSessionModeResponse,
    StopReason,
    Usage,
)

from megacontext.configs.errors import MegaContextError
from megacontext.memory.places import find_places
from megacontext.models.base import BaseModel

from ..chat.events import Measures, TurnEnded
from ..chat.opening import Wanted
from ..chat.sessions.store import Sessions
from .commands import COMMANDS, Command, command_in
from .prompting import sent
from .repositories import Repositories
from .session import LiveSession, Opening, failed, invalid
from .telling import aside

PROTOCOL = 1
PAGE = 50
"""Sessions listed at once."""


class AgentServer:
    """Everything that one client asks for."""

    def __init__(
        self, overrides: Mapping[str, object] | None = None, model: BaseModel | None = None
    ) -> None:
        """`overrides` of settings; `model` takes the place of the one that settings choose."""
        self._repositories = Repositories(overrides or {}, model)
        self._sessions: dict[str, LiveSession] = {}
        self._capabilities = ClientCapabilities()
        self._client: Client | None = None
        self._afterwards: set[asyncio.Task[None]] = set()

    def on_connect(self, conn: Client) -> None:
        """There is a client."""
        self._client = conn

    @property
    def client(self) -> Client:
        """Whoever asks."""
        assert self._client is not None, "nobody asks before there is a connection"
        return self._client

    # Beginning

    async def initialize(
        self,
        protocol_version: int,
        client_capabilities: ClientCapabilities | None = None,
        **_: Any,
    ) -> InitializeResponse:
        """Tell what there is; remember what the client offers."""
        self._capabilities = client_capabilities or ClientCapabilities()
        return InitializeResponse(
            protocol_version=PROTOCOL,
            agent_info=Implementation(
                name="megacontext", title="MegaContext", version=version("megacontext")
            ),
            agent_capabilities=AgentCapabilities(
                load_session=True,
                prompt_capabilities=PromptCapabilities(embedded_context=True),
                mcp_capabilities=McpCapabilities(http=True),
                session_capabilities=SessionCapabilities(
                    list=SessionListCapabilities(),
                    resume=SessionResumeCapabilities(),
                    close=SessionCloseCapabilities(),
                ),
            ),
            auth_methods=[],
        )

    async def authenticate(self, **_: Any) -> AuthenticateResponse:
        """Nobody has to."""
        return AuthenticateResponse()

    # Sessions

    async def new_session(
        self, cwd: str, mcp_servers: Sequence[Any] | None = None, **_: Any
    ) -> NewSessionResponse:
        """A conversation about the repository that encloses `cwd`."""
        session = await self._open(cwd, Wanted(), mcp_servers or ())
        self._welcome(session)
        return NewSessionResponse(session_id=session.id, modes=session.modes)

    async def load_session(
        self, cwd: str, session_id: str, mcp_servers: Sequence[Any] | None = None, **_: Any
    ) -> LoadSessionResponse:
        """Go on with a saved conversation; what was said in it is told again first."""
        session = await self._again(cwd, session_id, mcp_servers or ())
        tools = session.agent.calls.tools
        for turn in session.agent.turns:
            for update in session.teller.retell(turn, tools):
                await self.client.session_update(session_id=session.id, update=update)
        self._welcome(session)
        return LoadSessionResponse(modes=session.modes)

    async def resume_session(
        self, cwd: str, session_id: str, mcp_servers: Sequence[Any] | None = None, **_: Any
    ) -> ResumeSessionResponse:
        """Go on with a saved conversation that the client remembers by itself."""
        session = await self._again(cwd, session_id, mcp_servers or ())
        self._welcome(session)
        return ResumeSessionResponse(modes=session.modes)

    async def _again(self, cwd: str, session_id: str, servers: Sequence[Any]) -> LiveSession:
        known = self._sessions.get(session_id)
        if known is not None and known.is_busy:
            raise invalid(f"a turn goes on in {session_id}; cancel it first")
        return await self._open(cwd, Wanted(session_id), servers, known)

    async def list_sessions(
        self, cwd: str | None = None, cursor: str | None = None, **_: Any
    ) -> ListSessionsResponse:
        """Saved conversations, the latest first: of one repository, or of all that are open here."""
        try:
            roots = [_folder(cwd)] if cwd else self._repositories.roots or [Path.cwd()]
            infos = await asyncio.to_thread(_listed, roots)
        except MegaContextError as exc:
            raise invalid(str(exc)) from exc
        first = int(cursor) if cursor and cursor.isdecimal() and len(cursor) < 9 else 0
        more = str(first + PAGE) if len(infos) > first + PAGE else None
        return ListSessionsResponse(sessions=infos[first : first + PAGE], next_cursor=more)

    async def close_session(self, session_id: str, **_: Any) -> CloseSessionResponse:
        """Let a session go; it stays saved. Its repository is closed when no other session is about it."""
        await self._close(self._session(session_id))
        return CloseSessionResponse()

    async def set_session_mode(
        self, session_id: str, mode_id: str, **_: Any
    ) -> SetSessionModeResponse:
        """Choose what may happen without asking; holds at once, also in the turn that goes on."""
        session = self._session(session_id)
        session.set_mode(mode_id)
        update = update_current_mode(mode_id)
        self._soon(self.client.session_update(session_id=session_id, update=update))
        return SetSessionModeResponse()

    async def _open(
        self, cwd: str, wanted: Wanted, servers: Sequence[Any], instead: LiveSession | None = None
    ) -> LiveSession:
        """A session; `instead` of another one, which is closed while its repository stays open."""
        try:
            hosted = await self._repositories.hold(_folder(cwd))
        except MegaContextError as exc:
            raise invalid(str(exc)) from exc
        try:
            if instead is not None:
                await self._close(instead)
            opening = Opening(self.client, self._capabilities, hosted, servers)
            session = await LiveSession.opened(opening, wanted)
        except BaseException as exc:
            await self._repositories.let_go(hosted)
            if isinstance(exc, MegaContextError):
                raise invalid(str(exc)) from exc
            raise
        if session.id in self._sessions:
            await self._end(session)
            raise invalid(f"{session.id} is the id of two sessions here; close the other one first")
        self._sessions[session.id] = session
        return session

    async def _close(self, session: LiveSession) -> None:
        if self._sessions.pop(session.id, None) is session:
            await self._end(session)

    async def _end(self, session: LiveSession) -> None:
        # A turn that does not listen reads the memory still.
        if await session.close():
            await self._repositories.let_go(session.hosted)

    def _session(self, session_id: str) -> LiveSession:
        session = self._sessions.get(session_id)
        if session is None:
            raise invalid(
                f"there is no open session {session_id[:80]!r}; open one with session/new"
            )
        return session

    def _welcome(self, session: LiveSession) -> None:
        """What a client is told once it knows the session."""

        async def tell() -> None:
            commands = [
                AvailableCommand(name=each.name, description=each.description)
                for each in COMMANDS.values()
            ]
            updates: list[Any] = [update_available_commands(commands)]
            told = [update_agent_message_text(aside(each)) for each in session.servers.problems]
            for update in [*updates, *told]:
                await self.client.session_update(session_id=session.id, update=update)

        self._soon(tell())

    def _soon(self, work: Any) -> None:
        """Do something behind the answer to the request that goes on: a task runs when its handler has returned."""

        async def quietly() -> None:
            try:
                await work
            except OSError:
                pass  # the client has left

        task = asyncio.get_running_loop().create_task(quietly())
        self._afterwards.add(task)
        task.add_done_callback(self._afterwards.discard)

    # Turns

    async def prompt(self, session_id: str, prompt: Sequence[Any], **_: Any) -> PromptResponse:
        """One turn; its events are updates until it ends."""
        session = self._session(session_id)
        with session.busy():
            try:
                message = sent(prompt, session.agent.calls.shop.root)
            except MegaContextError as exc:
                raise invalid(str(exc)) from exc
            try:
                for note in message.notes:
                    await self._tell(session, update_agent_message_text(aside(note)))
                if (command := command_in(message.text)) is not None:
                    return await self._command(session, command)
                return await self._turn(session, message.text)
            except ConnectionError:
                # The client has left; the turn is stopped and saved as it is.
                return PromptResponse(stop_reason="cancelled")

    async def _command(self, session: LiveSession, command: Command) -> PromptResponse:
        try:
            told = await asyncio.to_thread(command.do, session.agent)
        except MegaContextError as exc:
            told = str(exc)
        await self._tell(session, update_agent_message_text(told))
        return PromptResponse(stop_reason="end_turn")

    async def _turn(self, session: LiveSession, text: str) -> PromptResponse:
        ended: TurnEnded | None = None
        async for event in session.turn(text):
            for update in session.teller.tell(event):
                await self._tell(session, update)
            if isinstance(event, TurnEnded):
                ended = event
        if ended is None or session.was_cancelled:
            return PromptResponse(stop_reason="cancelled")
        if len(session.agent.turns) == 1:
            title = session.agent.session.conversation.title
            await self._tell(
                session, SessionInfoUpdate(session_update="session_info_update", title=title)
            )
        if ended.reason == "error":
            raise failed(MegaContextError(ended.detail))
        reason = _stop_reason(ended, session.agent.limits.queries)
        return PromptResponse(stop_reason=reason, usage=_usage(ended.measures))

    async def _tell(self, session: LiveSession, update: Any) -> None:
        await self.client.session_update(session_id=session.id, update=update)

    async def cancel(self, session_id: str, **_: Any) -> None:
        """Stop the turn that goes on; its prompt is answered."""
        if (session := self._sessions.get(session_id)) is not None:
            session.cancel()

    # End

    async def close(self) -> bool:
        """The client has left: end everything and save it; whether all has ended in time."""
        await asyncio.gather(*(self._close(each) for each in list(self._sessions.values())))
        return await self._repositories.close()


def _folder(cwd: str) -> Path:
    folder = Path(cwd)
    if not folder.is_absolute() or "\0" in cwd:
        raise MegaContextError(f"`cwd` is {cwd[:200]!r}; give the absolute path of a folder")
    return folder


def _listed(folders: Sequence[Path]) -> list[SessionInfo]:
    infos = []
    for places in map(find_places, folders):
        for info in Sessions(places).list():
            updated = datetime.fromtimestamp(info.updated, UTC).isoformat()
            infos.append(
                SessionInfo(
                    session_id=info.id, cwd=str(places.root), title=info.title, updated_at=updated
                )
            )
    return sorted(infos, key=lambda info: info.updated_at or "", reverse=True)


def _stop_reason(ended: TurnEnded, most_queries: int) -> StopReason:
    match ended.reason:
        case "limit":
            full = ended.measures.queries >= most_queries
            return "max_turn_requests" if full else "max_tokens"
        case "cancelled" | "refused":
            return "cancelled"
    return "end_turn"


def _usage(measures: Measures) -> Usage:
    return Usage(
        input_tokens=measures.positions,
        output_tokens=measures.generated,
        cached_read_tokens=measures.reused,
        total_tokens=measures.positions + measures.generated,
    )
