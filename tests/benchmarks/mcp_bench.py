"""The memory as another agent meets it: a process of its own, asked by the client of the `mcp` package."""

import asyncio
import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mcp import Client
from mcp.client.stdio import StdioServerParameters

from tests.agent.mcp.conftest import COMMAND, environment

from .bars import Bar, p50, p95, spread
from .chat_bench import QUESTIONS
from .corpora import SEED, indexed

TOKENS = 1_000_000
BUDGET = 2_048


def measure(quick: bool) -> list[Bar]:
    with TemporaryDirectory(prefix="megacontext-") as folder:
        root = indexed(Path(folder) / "repository", TOKENS // (10 if quick else 1))
        return asyncio.run(_measure(root, quick))


async def _measure(root: Path, quick: bool) -> list[Bar]:
    await _start(root)  # byte code is in the cache, as it is for a person's second start
    starts = [await _start(root) for _ in range(3 if quick else 15)]
    bars = [
        Bar("from start to the answer of initialize, p50", p50(starts), "s", note=spread(starts, "s"))
    ]  # fmt: skip
    count = 30 if quick else 200
    drawn = random.Random(SEED)
    files = sorted(root.rglob("*.py"))
    names = _names(drawn.sample(files, min(count, len(files))))
    async with Client(_server(root)) as client:
        while "still being indexed" in (await _call(client, "focus", query="warm"))["notice"]:
            pass  # the call itself waits
        focus = [{"query": QUESTIONS[n % len(QUESTIONS)], "budget": BUDGET} for n in range(count)]
        search = [{"query": drawn.choice(names)} for _ in range(count)]
        read = [{"path": drawn.choice(files).relative_to(root).as_posix()} for _ in range(count)]
        for tool, asked in (("focus", focus), ("search", search), ("read", read)):
            took = [await _took(client, tool, each) for each in asked]
            bars += [
                Bar(f"{tool}, p50", p50(took), "ms", note=spread(took, "ms")),
                Bar(f"{tool}, p95", p95(took), "ms"),
            ]
    return bars


def _server(root: Path) -> StdioServerParameters:
    command, *arguments = COMMAND
    return StdioServerParameters(
        command=command, args=[*arguments, "--repo", str(root)], env=environment(root)
    )


async def _start(root: Path) -> float:
    started = time.perf_counter()
    async with Client(_server(root)):
        return time.perf_counter() - started


def _names(files: list[Path]) -> list[str]:
    """Names of functions that the files define."""
    lines = (line for file in files for line in file.read_text("utf-8", "replace").splitlines())
    found = (line.strip().removeprefix("def ") for line in lines if line.strip().startswith("def "))
    return sorted({line.partition("(")[0] for line in found})


async def _call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    assert answer.structured_content is not None
    return answer.structured_content


async def _took(client: Client, tool: str, arguments: dict[str, Any]) -> float:
    started = time.perf_counter()
    await _call(client, tool, **arguments)
    return (time.perf_counter() - started) * 1000
