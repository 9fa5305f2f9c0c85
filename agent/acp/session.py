"""One session of an editor: an agent, the turn that goes on, and the tools of other servers. Knows no wire."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acp.exceptions import RequestError
from acp.interfaces import Client
from acp.schema import ClientCapabilities, SessionMode, SessionModeState

from megacontext.configs.errors import MegaContextError

from ..chat.agent import Agent
from ..chat.events import ToolStarted
from ..chat.opening import Wanted, open_agent
from ..events import Event, Token
from ..hosted import Hosted
from ..permissions.permissions import Mode
from ..tools.opening import all_tools
from .calls import CallTeller
from .client.asking import Asker
from .client.files import ClientFiles
from .client.terminals import TerminalRun
from .client.waiting import ClientLine
from .servers import Servers
from .telling import Teller

MODES: dict[Mode, tuple[str, str]] = {
    "ask": ("Ask", "Asks before it edits a file or runs a program"),
    "accept-edits": ("Accept edits", "Edits files without asking; asks before it runs a program"),
    "plan": ("Plan", "Looks around and says what it would do; writes and runs nothing"),
}
END_S = 5.0
"""A turn that is stopped has so long to save what was said."""


@dataclass(frozen=True)
class Opening:
    """What a session is opened with."""

    client: Client
    capabilities: ClientCapabilities
    hosted: Hosted
    servers: Sequence[Any]


class _Over:
    """Stands behind the last event of a turn."""


class LiveSession:
    """Use `opened`; close it in the end. Its methods are called in the loop of the connection."""

    def __init__(self, opening: Opening, agent: Agent, line: ClientLine, servers: Servers) -> None:
        self.hosted = opening.hosted
        self.agent = agent
        self.servers = servers
        self._line = line
        self._thread: threading.Thread | None = None
        self.is_busy = False
        """Whether a turn goes on."""
        self.was_cancelled = False
        """Whether the last turn was cancelled by the person."""
        self.teller = Teller(
            CallTeller(agent.calls.shop.root),
            agent.calls.shop.journal.changes_of_step,
            lambda: agent.engine.model.context_length,
            line.in_terminals,
        )

    @classmethod
    async def opened(cls, opening: Opening, wanted: Wanted) -> "LiveSession":
        """A new session, or one that is gone on with.

        Raises MegaContextError when the memory, the session or the settings cannot be opened.
        """
        line = ClientLine(opening.client)
        root = opening.hosted.workplace.places.root
        servers = Servers(root, line)
        tools = await servers.start(opening.servers, [tool.spec.name for tool in all_tools()])
        asker = Asker(line, CallTeller(root))
        runs = [TerminalRun(line)] if opening.capabilities.terminal else []
        try:
            agent = await asyncio.to_thread(
                lambda: open_agent(
                    opening.hosted.new_engine(),
                    asker,
                    wanted,
                    tools=[*runs, *tools],
                    editor=_editor(opening.capabilities, line, root),
                )
            )
        except BaseException:
            await servers.close()
            raise
        line.session_id = agent.session.conversation.id
        return cls(opening, agent, line, servers)

    @property
    def id(self) -> str:
        """The session's id, which is that of its conversation."""
        return self.agent.session.conversation.id

    # Modes

    @property
    def modes(self) -> SessionModeState:
        """What may happen without asking, and what else could be chosen."""
        return SessionModeState(
            current_mode_id=self.agent.calls.permissions.mode,
            available_modes=[
                SessionMode(id=mode, name=name, description=told)
                for mode, (name, told) in MODES.items()
            ],
        )

    def set_mode(self, wanted: str) -> None:
        """Choose a mode; raises RequestError for one that is none."""
        for mode in MODES:
            if mode == wanted:
                self.agent.calls.permissions.mode = mode
                return
        raise invalid(f"there is no mode {wanted[:80]!r}; there are {', '.join(MODES)}")

    # Turns

    @contextmanager
    def busy(self) -> Iterator[None]:
        """While something is done for a message, which can be cancelled; raises RequestError during another one."""
        if self.is_busy:
            raise invalid("a turn goes on in this session; cancel it first")
        self.is_busy, self.was_cancelled = True, False
        cancel = self._line.cancel = threading.Event()
        try:
            yield
        finally:
            cancel.set()
            self.is_busy = False

    async def turn(self, text: str) -> AsyncIterator[Event]:
        """The events of a turn; TurnEnded is the last unless it is cancelled before it begins.

        Only while `busy`, whose end stops it.
        """
        loop = asyncio.get_running_loop()
        cancel = self._line.cancel
        events: asyncio.Queue[Event | BaseException | _Over] = asyncio.Queue()

        def tell(item: Event | BaseException | _Over) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(events.put_nowait, item)

        def work() -> None:
            try:
                if self.hosted.wait_for_index(cancel):
                    for event in self.agent.send(text, cancel):
                        if isinstance(event, ToolStarted):
                            self._line.call_id = event.call_id
                        tell(event)
            except BaseException as exc:  # noqa: BLE001  whoever reads the events gets it
                tell(exc)
            finally:
                tell(_Over())

        self._thread = threading.Thread(target=work, name=f"turn {self.id}", daemon=True)
        self._thread.start()
        item = await events.get()
        while not isinstance(item, _Over):
            if isinstance(item, BaseException):
                raise item
            # What has come while the client was told the last piece is told as one.
            following = None if events.empty() else events.get_nowait()
            while isinstance(item, Token) and isinstance(following, Token):
                item = Token(item.text + following.text)
                following = None if events.empty() else events.get_nowait()
            yield item
            item = await events.get() if following is None else following

    def cancel(self) -> None:
        """Stop what is done for a message, if anything is."""
        if self.is_busy:
            self.was_cancelled = True
            self._line.cancel.set()

    async def close(self) -> bool:
        """Stop what goes on, and let other processes go on with the session; whether all has ended in time."""
        self._line.cancel.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, END_S)
        await self.servers.close()
        self.agent.close()
        return self._thread is None or not self._thread.is_alive()


def _editor(offered: ClientCapabilities, line: ClientLine, root: Path) -> ClientFiles | None:
    files = offered.fs
    reads, writes = (
        bool(files and getattr(files, name)) for name in ("read_text_file", "write_text_file")
    )
    return ClientFiles(line, root, reads=reads, writes=writes) if reads or writes else None


def invalid(why: str) -> RequestError:
    """An error of whoever asked."""
    return RequestError(-32602, why)


def failed(exc: MegaContextError) -> RequestError:
    """One of ours, for the one who asked."""
    return RequestError(-32603, str(exc))
