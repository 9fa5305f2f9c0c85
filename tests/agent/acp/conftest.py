"""A real process of the agent, and an editor before it: the client of the `agent-client-protocol` package."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest
from acp import spawn_agent_process, text_block
from acp.client.connection import ClientSideConnection
from acp.exceptions import RequestError
from acp.schema import (
    AllowedOutcome,
    ClientCapabilities,
    CreateTerminalResponse,
    DeniedOutcome,
    FileSystemCapabilities,
    KillTerminalResponse,
    ReadTextFileResponse,
    ReleaseTerminalResponse,
    RequestPermissionResponse,
    WaitForTerminalExitResponse,
    WriteTextFileResponse,
)

from megacontext.models.language.scripted import call
from tests.agent.acp.scripted_server import MARK
from tests.agent.conftest import FILES
from tests.memory.workbench import write_files
from tests.patience import PATIENCE_S

Result = TypeVar("Result")
ROOT = Path(__file__).parents[3]
WAIT_S = PATIENCE_S
LIMIT = 64 << 20
COMMAND = (sys.executable, "-m", "tests.agent.acp.scripted_server")
EDIT = call(
    "edit_text",
    path="greeter/words.py",
    old='"de": "Hallo"',
    new='"de": "Hallo", "fr": "Bonjour"',
)


@dataclass
class Editor:
    """Answers as a person before an editor would, and keeps what it was told."""

    answers: list[str] = field(default_factory=list)
    """Kinds of the options to choose, in order; then the permission is given once. "cancel" and "hang" too."""
    buffers: dict[str, str] = field(default_factory=dict)
    updates: list[tuple[str, Any]] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    happened: asyncio.Event = field(default_factory=asyncio.Event)
    terminals: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    no_terminals: bool = False

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        self.updates.append((session_id, update))
        self.happened.set()

    async def request_permission(
        self, session_id: str, tool_call: Any, options: list[Any], **_: Any
    ) -> RequestPermissionResponse:
        self.asked.append((tool_call, options))
        self.happened.set()
        answer = self.answers.pop(0) if self.answers else "allow_once"
        if answer == "hang":
            await asyncio.Event().wait()
        if answer == "cancel":
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        chosen = next((each.option_id for each in options if each.kind == answer), answer)
        return RequestPermissionResponse(
            outcome=AllowedOutcome(outcome="selected", option_id=chosen)
        )

    async def read_text_file(self, session_id: str, path: str, **_: Any) -> ReadTextFileResponse:
        self.read.append(path)
        if path not in self.buffers:
            raise RequestError.resource_not_found(path)
        return ReadTextFileResponse(content=self.buffers[path])

    async def write_text_file(
        self, session_id: str, path: str, content: str, **_: Any
    ) -> WriteTextFileResponse:
        self.written.append(path)
        self.buffers[path] = content
        Path(path).write_text(content)
        return WriteTextFileResponse()

    async def create_terminal(self, command: str, args: list[str], cwd: str, **_: Any) -> Any:
        if self.no_terminals:
            raise RequestError.internal_error({"details": "no terminal today"})
        started = await asyncio.create_subprocess_exec(
            command,
            *args,
            cwd=cwd,
            stdout=asyncio.subprocess.PIPE,
            stdin=asyncio.subprocess.DEVNULL,
        )
        self.terminals[f"terminal-{len(self.terminals)}"] = started
        return CreateTerminalResponse(terminal_id=f"terminal-{len(self.terminals) - 1}")

    async def wait_for_terminal_exit(self, terminal_id: str, **_: Any) -> Any:
        process = self.terminals[terminal_id]
        self.shown[terminal_id] = (await process.stdout.read()).decode()
        return WaitForTerminalExitResponse(exit_code=await process.wait())

    async def kill_terminal(self, terminal_id: str, **_: Any) -> Any:
        self.killed.append(terminal_id)
        self.terminals[terminal_id].kill()
        return KillTerminalResponse()

    async def release_terminal(self, terminal_id: str, **_: Any) -> Any:
        self.released.append(terminal_id)
        return ReleaseTerminalResponse()

    def of(self, kind: str) -> list[Any]:
        """Updates of one kind."""
        return [update for _, update in self.updates if update.session_update == kind]

    @property
    def said(self) -> str:
        """What the agent said."""
        return "".join(update.content.text for update in self.of("agent_message_chunk"))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; it is looked at whenever something is told."""
        while not holds():
            self.happened.clear()
            await self.happened.wait()


class Editors:
    """One client, and the editor of the scene that plays."""

    def __init__(self) -> None:
        self.now = Editor()

    def on_connect(self, conn: Any) -> None:
        self.conn = conn

    async def session_update(self, **told: Any) -> None:
        await self.now.session_update(**told)

    async def request_permission(self, **asked: Any) -> Any:
        return await self.now.request_permission(**asked)

    async def read_text_file(self, **asked: Any) -> Any:
        return await self.now.read_text_file(**asked)

    async def write_text_file(self, **asked: Any) -> Any:
        return await self.now.write_text_file(**asked)

    async def create_terminal(self, **asked: Any) -> Any:
        return await self.now.create_terminal(**asked)

    async def wait_for_terminal_exit(self, **asked: Any) -> Any:
        return await self.now.wait_for_terminal_exit(**asked)

    async def kill_terminal(self, **asked: Any) -> Any:
        return await self.now.kill_terminal(**asked)

    async def release_terminal(self, **asked: Any) -> Any:
        return await self.now.release_terminal(**asked)


@dataclass
class Stage:
    """An open connection."""

    root: Path
    agent: ClientSideConnection
    editor: Editor
    process: asyncio.subprocess.Process

    async def begin(self, *, servers: Sequence[Any] = (), **offers: Any) -> str:
        """Introduce the editor and open a session."""
        await self.introduce(**offers)
        opened = await self.agent.new_session(cwd=str(self.root), mcp_servers=list(servers))
        return str(opened.session_id)

    async def introduce(self, *, files: bool = False, terminal: bool = False) -> Any:
        """Tell what the editor offers."""
        able = FileSystemCapabilities(read_text_file=files, write_text_file=files)
        return await self.agent.initialize(
            protocol_version=1,
            client_capabilities=ClientCapabilities(fs=able, terminal=terminal),
        )

    async def prompt(self, session: str, *replies: str, text: str = "Do it.") -> Any:
        """Send a message, and what the model is to answer."""
        return await self.agent.prompt(session_id=session, prompt=[scripted(text, *replies)])

    async def command(self, session: str, text: str) -> Any:
        """Send a message as it is."""
        return await self.agent.prompt(session_id=session, prompt=[text_block(text)])


def scripted(text: str, *replies: str) -> Any:
    """A message with its script."""
    return text_block(f"{text} {MARK}{json.dumps(replies)}")


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CONFIG_HOME": str(root.parent / "config"), "PYTHONPATH": str(ROOT)}


@asynccontextmanager
async def process(folder: Path, client: Any, **settings: Any) -> AsyncIterator[Any]:
    """A process of its own."""
    named = {key.replace("__", "."): value for key, value in settings.items()}
    async with spawn_agent_process(
        client,
        *COMMAND,
        json.dumps(named),
        env=environment(folder),
        cwd=folder,
        transport_kwargs={
            "limit": LIMIT,
            "stderr": asyncio.subprocess.DEVNULL,
            "shutdown_timeout": WAIT_S,
        },
        use_unstable_protocol=True,
    ) as started:
        yield started


class Theatre:
    """One process for many scenes, each in a repository and sessions of its own."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.editors = Editors()
        self._opened = process(folder, self.editors)
        self._agent, self._process = self._run(self._opened.__aenter__())

    def _run(self, work: Awaitable[Result]) -> Result:
        return self.loop.run_until_complete(asyncio.wait_for(work, WAIT_S))

    def play(
        self, root: Path, scene: Callable[[Stage], Awaitable[Result]], editor: Editor | None = None
    ) -> Result:
        """Run a scene to its end."""
        self.editors.now = editor or Editor()
        return self._run(scene(Stage(root, self._agent, self.editors.now, self._process)))

    def close(self) -> int | None:
        """Let the process end; its exit status."""
        self._run(self._opened.__aexit__(None, None, None))
        self.loop.close()
        return self._process.returncode


@pytest.fixture(scope="session")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    opened = Theatre(tmp_path_factory.mktemp("theatre"))
    yield opened
    assert opened.close() == 0


Play = Callable[..., Any]


@pytest.fixture
def play(theatre: Theatre, root: Path) -> Play:
    """Run a scene in the common process, in a repository of its own."""
    return partial(theatre.play, root)


def play_alone(root: Path, scene: Callable[[Stage], Awaitable[Result]], **settings: Any) -> Result:
    """Run a scene with a process of its own."""

    async def run() -> Result:
        editor = Editor()
        async with process(root, editor, **settings) as (agent, started):
            return await scene(Stage(root, agent, editor, started))

    return asyncio.run(asyncio.wait_for(run(), WAIT_S))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "greeter"
    (folder / ".megacontext").mkdir(parents=True)
    write_files(folder, FILES)
    (tmp_path / "outside.txt").write_text("private words\n")
    return folder
