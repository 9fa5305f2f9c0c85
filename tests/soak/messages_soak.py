"""Messages that no editor should send, to the real server: it stays, and answers the next proper request.

A session is one server process. Its first messages come before the handshake. After each message a hover is asked
for, whose answer has to be what it was; what the server calls a fault of its own counts as one.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from tests.agent.conftest import FILES
from tests.benchmarks.bars import Bar, p50, p95
from tests.benchmarks.machine import ROOT
from tests.lsp.wire import Wire
from tests.memory.workbench import write_files
from tests.patience import LOOK_S, PATIENCE_S

from .made_up_messages import made_up_message
from .task import IN_MEMORY, Faults, Task

MESSAGES = 4_000
SESSION = 200
EARLY = 20
"""Messages of a session that come before the handshake."""
SETTINGS = {"model.name": "pocket", "model.device": "cpu", "memory.gists": "off"}
INTERNAL, NOT_YET = -32603, -32002
ERROR_LOG = 1


@dataclass
class Heard:
    """What came of all messages."""

    faults: Faults
    took_ms: list[float] = field(default_factory=list)
    """From a message to the answer of the request behind it."""
    ended: int = 0
    peak_mb: float = 0.0
    tried: int = 0


@dataclass
class Session:
    """One server, and what it is asked again and again."""

    wire: Wire
    process: asyncio.subprocess.Process
    errors: Path
    root: Path
    asked: int = 0
    initialized: bool = False
    hover: dict[str, Any] = field(default_factory=dict)

    @property
    def uris(self) -> list[str]:
        """What messages may speak of: not the document that is asked about."""
        inside = [
            (self.root / path).as_uri() for path in ("tests/test_greet.py", "new.py", "a b.md")
        ]
        return [
            *inside,
            "file:///nowhere/a.py",
            "untitled:Untitled-1",
            "http://x/y",
            "",
            "%00",
            "file:///a%00b",
        ]

    async def next_answer(self) -> str:
        """Ask something proper; what is wrong with the answer, or with what the server said meanwhile."""
        self.asked += 1
        reply = await self.wire.ask("textDocument/hover", self.hover, asks=f"proper-{self.asked}")
        said, self.wire.messages = self.wire.messages, []
        refused = [message["error"] for message in said if "error" in message]
        for error in refused:
            if error["code"] == INTERNAL:
                return f"an internal error: {error}"
        for message in said:
            if (
                message.get("method") == "window/logMessage"
                and message["params"]["type"] == ERROR_LOG
            ):
                text = message["params"]["message"]
                # What a client is told of its own mistake is logged as well.
                if not any(error["message"] in text for error in refused):
                    return f"a fault of its own: {text}"
        if not self.initialized:
            return (
                ""
                if reply.get("error", {}).get("code") == NOT_YET
                else f"before the handshake: {reply}"
            )
        return (
            ""
            if "word" in json.dumps(reply.get("result"))
            else f"not the answer there was: {reply}"
        )

    async def handshake(self, seed: int) -> None:
        options = {"settings": SETTINGS, "preload": False, "navigation": True}
        folders = [{"uri": self.root.as_uri(), "name": self.root.name}]
        reply = await self.wire.initialize(workspaceFolders=folders, initializationOptions=options)
        assert "result" in reply, (seed, reply)
        self.initialized = True
        path = self.root / "greeter/greet.py"
        text = path.read_text("utf-8")
        item = {"uri": path.as_uri(), "languageId": "python", "version": 1, "text": text}
        self.wire.send("textDocument/didOpen", {"textDocument": item})
        while await self.next_answer():
            await asyncio.sleep(LOOK_S)


def measure(task: Task) -> list[Bar]:
    return asyncio.run(_measure(task))


async def _measure(task: Task) -> list[Bar]:
    heard = Heard(Faults("messages"))
    first = task.seed // SESSION * SESSION
    last = task.seed + 1 if task.only else first + task.share(MESSAGES)
    for start in range(first, last, SESSION):
        seeds = list(range(start, min(start + SESSION, last)))
        while seeds:
            seeds = await _run(task, seeds, heard)
    return _bars(heard, last - first)


async def _run(task: Task, seeds: list[int], heard: Heard) -> list[int]:
    """One server through messages; those that are left when it ended or did not answer."""
    async with _session(task) as session:
        for number, seed in enumerate(seeds):
            if number == EARLY:
                await session.handshake(seed)
            started = time.perf_counter()
            message = made_up_message(seed, session.uris)
            if number < EARLY:  # none may be the handshake itself
                message = message.replace(b'"initialize"', b'"initialise"')
            session.wire.raw(message)
            heard.tried += 1
            try:
                wrong = await asyncio.wait_for(session.next_answer(), PATIENCE_S)
            except (AssertionError, OSError, TimeoutError) as exc:
                heard.ended += 1
                heard.faults.add(
                    seed, f"ended or hung: {exc!r} {session.errors.read_text('utf-8')[-200:]}"
                )
                return seeds[number + 1 :]
            heard.took_ms.append((time.perf_counter() - started) * 1000)
            if wrong:
                heard.faults.add(seed, wrong)
        heard.peak_mb = max(
            heard.peak_mb, psutil.Process(session.process.pid).memory_info().rss / 1e6
        )
        if code := await _ended_in_order(session):
            heard.faults.add(seeds[-1], f"it ended with code {code}")
    return []


async def _ended_in_order(session: Session) -> int:
    if not session.initialized:
        session.wire.send("exit")
        return await session.process.wait() - 1  # without a handshake it is no proper end
    await session.wire.ask("shutdown", asks="shutdown")
    session.wire.send("exit")
    return await session.process.wait()


@asynccontextmanager
async def _session(task: Task) -> AsyncIterator[Session]:
    pipe = asyncio.subprocess.PIPE
    with TemporaryDirectory(prefix="megacontext-", dir=IN_MEMORY) as folder:
        root, errors = Path(folder) / "greeter", Path(folder) / "errors"
        write_files(root, FILES)
        (root / ".megacontext").mkdir()
        with errors.open("wb") as stderr:
            process = await asyncio.create_subprocess_exec(
                *task.command("megacontext.agent.main", "lsp", function="run"),
                stdin=pipe,
                stdout=pipe,
                stderr=stderr,
                cwd=ROOT,
            )
        assert process.stdin and process.stdout
        here = {"line": 2, "character": 20}
        hover = {"textDocument": {"uri": (root / "greeter/greet.py").as_uri()}, "position": here}
        try:
            wire = Wire(process.stdout, process.stdin)
            yield Session(wire, process, errors, root, hover=hover)
        finally:
            if process.returncode is None:
                process.kill()
            process.stdin.close()
            await process.wait()


def _bars(heard: Heard, wanted: int) -> list[Bar]:
    return [
        Bar("made-up messages", heard.tried, at_least=wanted, note=f"in sessions of {SESSION}"),
        heard.faults.bar("messages behind which a proper request was not answered as before"),
        Bar("servers that a message ended or hung", heard.ended, at_most=0),
        Bar(
            "a message and the answer behind it, p50",
            p50(heard.took_ms),
            "ms",
            note=f"p95 {p95(heard.took_ms):.0f} ms",
        ),
        Bar("the slowest of them", max(heard.took_ms), "ms", at_most=60_000),
        Bar("most memory of a server", heard.peak_mb, "MB"),
    ]
