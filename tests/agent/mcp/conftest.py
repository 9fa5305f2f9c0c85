"""A real server of a small repository, asked by the client of the `mcp` package."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from tests.agent.conftest import FILES
from tests.memory.workbench import write_files
from tests.patience import PATIENCE_S

Result = TypeVar("Result")
TOKEN = "a token for these tests alone"
COMMAND = (sys.executable, "-m", "megacontext.agent.main", "mcp", "--model", "pocket")
WAIT_S = PATIENCE_S
IGNORED = {".gitignore": "ignored/\n", "ignored/notes.txt": "nobody reads this\n"}


def make_repository(root: Path) -> Path:
    (root / ".megacontext").mkdir(parents=True)
    write_files(root, FILES | IGNORED)
    outside = root.parent / "outside.txt"
    outside.write_text("private words\n")
    (root / "link.txt").symlink_to(outside)
    return root


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CONFIG_HOME": str(root.parent / "config")}


@dataclass
class Listening:
    """A server that listens."""

    root: Path
    url: str

    def ask(self, work: Callable[[Client], Awaitable[Result]], token: str = TOKEN) -> Result:
        """Connect and do something."""

        async def run() -> Result:
            known = {"Authorization": f"Bearer {token}"}
            http = httpx2.AsyncClient(headers=known, timeout=WAIT_S)
            async with http, Client(streamable_http_client(self.url, http_client=http)) as client:
                return await work(client)

        return asyncio.run(asyncio.wait_for(run(), WAIT_S))

    def call(self, tool: str, **arguments: Any) -> Any:
        """Call one tool."""
        return self.ask(lambda client: client.call_tool(tool, arguments))


def listen(root: Path, *options: str, **variables: str) -> tuple[subprocess.Popen[str], list[str]]:
    """A server on HTTP, and what it said until it listens."""
    process = subprocess.Popen(
        [*COMMAND, "--repo", str(root), "--http", *options],
        env=environment(root) | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said: list[str] = []
    for line in process.stderr:
        said.append(line)
        if line.startswith("listening on "):
            break
    return process, said


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    root = make_repository(tmp_path_factory.mktemp("lent").resolve() / "greeter")
    process, said = listen(root, "--token-from", "OUR_TOKEN", OUR_TOKEN=TOKEN)
    with process:
        found = re.search(r"http://\S+", "".join(said))
        assert found, said
        yield Listening(root, found[0])
        process.terminate()
        assert process.wait(WAIT_S) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""


@pytest.fixture
def lent(tmp_path: Path) -> Path:
    """A repository of one's own."""
    return make_repository(tmp_path.resolve() / "greeter")


def on_stdio(root: Path, work: Callable[[Client], Awaitable[Result]]) -> Result:
    """Start a server on standard input and output, and do something with it."""

    async def run() -> Result:
        command, *arguments = COMMAND
        started = StdioServerParameters(
            command=command, args=[*arguments, "--repo", str(root)], env=environment(root)
        )
        async with Client(started) as client:
            return await work(client)

    return asyncio.run(asyncio.wait_for(run(), WAIT_S))
