"""The MCP servers that an editor names for a session: started, asked for their tools, ended with it.

What they say of their tools is data from strangers: names are made plain, texts are bounded, schemas are checked.
"""

import asyncio
import json
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acp.schema import HttpMcpServer, McpServerStdio

from megacontext.models.base import ToolSpec

from ..edits.change import visible
from .client.waiting import ClientLine
from .outside import OutsideTool

if TYPE_CHECKING:
    from mcp import Client

START_S = 20.0
"""A server that has not told its tools by then is not waited for."""
CLOSE_S = 3.0
CONNECT_S, READ_S = 30.0, 300.0
"""Over HTTP; the second for answers that come in pieces."""
MOST_TOOLS = 64
LONGEST_NAME = 56
LONGEST_DESCRIPTION = 1_500
LARGEST_SCHEMA = 20_000
"""Bytes of a tool's schema; of a larger one the model learns only that there are arguments."""
LATE = f"it gave no answer within {START_S:g} s"
MISSING = "needs the `mcp` package; run: pip install 'megacontext[acp]'"


@dataclass
class _Server:
    """One server that is starting, or runs."""

    name: str
    task: "asyncio.Task[None]"
    leaving: asyncio.Event
    found: "asyncio.Future[tuple[Client, list[Any]]]"


class Servers:
    """Those of one session. Made and closed in the loop of the connection."""

    def __init__(self, root: Path, line: ClientLine) -> None:
        self._root = root
        self._line = line
        self._running: list[_Server] = []
        self.problems: list[str] = []
        """Servers that could not be used, and why."""

    async def start(self, wanted: Sequence[Any], taken: Collection[str]) -> list[OutsideTool]:
        """Start them, all at once; the tools of those that answer. `taken` are names of other tools."""
        starting = [self._begin(each) for each in wanted]
        if starting:
            await asyncio.wait([each.found for each in starting], timeout=START_S)
        names = set(taken)
        tools: list[OutsideTool] = []
        for server in starting:
            late = not server.found.done()
            fault = OSError(LATE) if late else server.found.exception()
            if fault is None:
                tools += self._tools(server.name, *server.found.result(), names)
                continue
            self.problems.append(
                f"the MCP server {plain(server.name)} is not used: {_reason(fault)}"
            )
            server.task.cancel()
        if len(tools) > MOST_TOOLS:
            self.problems.append(f"of {len(tools)} tools of MCP servers {MOST_TOOLS} are used")
        return tools[:MOST_TOOLS]

    def _begin(self, wanted: Any) -> _Server:
        loop = asyncio.get_running_loop()
        found: asyncio.Future[tuple[Client, list[Any]]] = loop.create_future()
        leaving = asyncio.Event()
        task = loop.create_task(_serve(wanted, self._root, found, leaving))
        server = _Server(str(wanted.name), task, leaving, found)
        self._running.append(server)
        return server

    def _tools(
        self, server: str, client: "Client", listed: Sequence[Any], names: set[str]
    ) -> Iterator[OutsideTool]:
        for tool in listed:
            name = _free(f"{_word(server)}_{_word(tool.name)}"[:LONGEST_NAME], names)
            names.add(name)
            told = plain(tool.description or tool.title or "")[:LONGEST_DESCRIPTION]
            spec = ToolSpec(name, f"(Tool of the server {plain(server)}.) {told}", _schema(tool))
            yield OutsideTool(spec, plain(server), tool.name, client, self._line)

    async def close(self) -> None:
        """End them."""
        for server in self._running:
            server.leaving.set()
        tasks = [server.task for server in self._running]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=CLOSE_S)
            for task in late:
                task.cancel()
        self._running.clear()


async def _serve(
    wanted: Any,
    root: Path,
    found: "asyncio.Future[tuple[Client, list[Any]]]",
    leaving: asyncio.Event,
) -> None:
    """Hold one connection: what opens it has to close it, in one task."""
    try:
        async with AsyncExitStack() as open_things:
            client = await open_things.enter_async_context(await _client(wanted, root, open_things))
            listed = await _listed(client)
            if not found.done():
                found.set_result((client, listed))
            await leaving.wait()
    except (Exception, asyncio.CancelledError) as exc:  # noqa: BLE001  it must not take the connection along
        if not found.done():
            found.set_exception(exc if isinstance(exc, Exception) else OSError("it was stopped"))
            found.exception()  # read here, whether anybody else looks or not


async def _listed(client: "Client") -> list[Any]:
    """The tools of a server, page by page, as many as are looked at."""
    tools: list[Any] = []
    cursor: str | None = None
    while len(tools) <= MOST_TOOLS:
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        if not (cursor := page.next_cursor) or not page.tools:
            break
    return tools


async def _client(wanted: Any, root: Path, open_things: AsyncExitStack) -> "Client":
    try:
        from mcp import Client
        from mcp.client.stdio import StdioServerParameters
    except ImportError as exc:
        raise OSError(MISSING) from exc
    match wanted:
        case McpServerStdio(command=command, args=args, env=env):
            variables = {each.name: each.value for each in env}
            return Client(
                StdioServerParameters(command=command, args=args, env=variables, cwd=root)
            )
        case HttpMcpServer(url=url, headers=headers):
            import httpx2
            from mcp.client.streamable_http import streamable_http_client

            own = httpx2.AsyncClient(
                headers={each.name: each.value for each in headers},
                timeout=httpx2.Timeout(CONNECT_S, read=READ_S),
            )
            await open_things.enter_async_context(own)
            return Client(streamable_http_client(url, http_client=own))
    raise OSError("only servers on standard input and output, and over HTTP, are used")


def _schema(tool: Any) -> dict[str, Any]:
    schema = tool.input_schema
    is_plain = isinstance(schema, dict) and schema.get("type") == "object"
    if not is_plain or len(json.dumps(schema, default=str)) > LARGEST_SCHEMA:
        return {"type": "object", "properties": {}}
    return dict(schema)


def _word(text: str) -> str:
    word = re.sub(r"[^a-z0-9]+", "_", str(text).casefold()).strip("_")
    return word if word[:1].isalpha() else f"x{word}"


def _free(name: str, taken: Collection[str]) -> str:
    free, number = name, 2
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def plain(text: str) -> str:
    """A stranger's text on one line, without what steers a terminal."""
    return " ".join(visible(text.encode("utf-8", "replace").decode()).split())[:4_000]


def _reason(exc: BaseException) -> str:
    while isinstance(exc, BaseExceptionGroup) and exc.exceptions:
        exc = exc.exceptions[0]
    return plain(str(exc) or type(exc).__name__)[:300]
