"""The agent as an editor meets it: a process of its own, spoken to over its standard streams.

How it starts is measured with the program that people run. Turns are measured with a model that plays a script, so that
what is left is the agent's own: choosing memory from a large repository, the conversation, the protocol.
"""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from acp import spawn_agent_process

from tests.agent.acp.conftest import LIMIT, WAIT_S, Editor, Stage, environment, process

from .bars import Bar, p50, p95, spread
from .chat_bench import QUESTIONS
from .corpora import SEED, indexed

COMMAND = (sys.executable, "-m", "megacontext.agent.main", "acp", "--model", "pocket")
TOKENS = 1_000_000
LONG = "$9 until /there/is/no/such/file"
"""A reply of a model that takes 10 ms for a token and never comes to its end."""


def measure(quick: bool) -> list[Bar]:
    with TemporaryDirectory(prefix="megacontext-") as folder:
        root = indexed(Path(folder) / "repository", TOKENS // (10 if quick else 1))
        return asyncio.run(_measure(root, 3 if quick else 15))


async def _measure(root: Path, runs: int) -> list[Bar]:
    await _start(root)  # byte code is in the cache, as it is for a person's second start
    starts = [await _start(root) for _ in range(runs)]
    editor = Editor()
    async with process(root, editor) as (agent, started):
        stage = Stage(root, agent, editor, started)
        await stage.introduce()
        opening = [await _timed(_opening(stage)) for _ in range(runs)]
        session = await stage.begin()
        await stage.prompt(session, "Here.", text=QUESTIONS[0])
        turns = [await _turn(stage, QUESTIONS[n % len(QUESTIONS)]) for n in range(2 * runs)]
        stops = [await _cancelled(stage, n) for n in range(2 * runs)]
    first, whole = zip(*turns, strict=True)
    return [
        Bar("from start to the answer of initialize, p50", p50(starts), "s", note=spread(starts, "s")),
        Bar("a new session, p50", p50(opening), "ms", note=spread(opening, "ms")),
        Bar("from a prompt to the first update, p50", p50(first), "ms", note=spread(first, "ms")),
        Bar("from a prompt to the first update, p95", p95(first), "ms"),
        Bar("a whole turn of one word, p50", p50(whole), "ms", note=spread(whole, "ms")),
        Bar("a cancelled turn is answered within, p95", p95(stops), "ms", at_most=50, note=spread(stops, "ms")),
    ]  # fmt: skip


async def _timed(work: Awaitable[object]) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    await work
    return (time.perf_counter() - started) * 1000


async def _start(root: Path) -> float:
    started = time.perf_counter()
    editor = Editor()
    async with spawn_agent_process(
        editor,
        *COMMAND,
        env=environment(root),
        cwd=root,
        transport_kwargs={
            "limit": LIMIT,
            "stderr": subprocess.DEVNULL,
            "shutdown_timeout": WAIT_S,
        },
    ) as (agent, running):
        await Stage(root, agent, editor, running).introduce()
        return time.perf_counter() - started


async def _opening(stage: Stage) -> None:
    await stage.agent.new_session(cwd=str(stage.root), mcp_servers=[])


async def _turn(stage: Stage, question: str) -> tuple[float, float]:
    """Milliseconds to the first update and to the end, of a conversation of its own."""
    session = await stage.begin()
    started = time.perf_counter()
    going = asyncio.create_task(stage.prompt(session, "Here.", text=question))
    await _heard(stage, session, lambda _: True)
    first = time.perf_counter() - started
    await going
    return first * 1000, (time.perf_counter() - started) * 1000


async def _cancelled(stage: Stage, number: int) -> float:
    """Milliseconds from the cancel to the answer of the prompt, at any moment."""
    session = await stage.begin()
    going = asyncio.create_task(stage.prompt(session, LONG, text=QUESTIONS[0]))
    await _heard(stage, session, lambda update: update.session_update == "agent_message_chunk")
    await asyncio.sleep(random.Random(SEED + number).uniform(0.0, 0.3))
    started = time.perf_counter()
    await stage.agent.cancel(session_id=session)
    answer = await going
    assert answer.stop_reason == "cancelled"
    return (time.perf_counter() - started) * 1000


async def _heard(stage: Stage, session: str, wanted: Callable[[object], bool]) -> None:
    """Wait for an update of a session, but for the one that every session begins with."""
    greeting = "available_commands_update"
    await stage.editor.until(
        lambda: any(
            name == session and update.session_update != greeting and wanted(update)
            for name, update in stage.editor.updates
        )
    )
    stage.editor.updates.clear()
