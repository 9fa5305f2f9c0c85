"""The language server as an editor meets it: a process of its own, spoken to over its standard streams, with pocket.

Completions are asked for at the middle of lines, down a file, then in the next one: what follows a place is the same
model, prompt and cache that people get. The share of the server is what the engine did not take of it.
"""

import asyncio
import itertools
import json
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from megacontext.agent.opening import Workplace
from megacontext.models.language.tokenizing import TextTokenizer
from tests.lsp.editor import Editor

from .bars import Bar, p50, p95, spread
from .corpora import SEED, repository

TOKENS = 1_000_000
SETTINGS = {"model.name": "pocket", "model.device": "cpu", "memory.gists": "off"}
CANCELLED = -32800
KEYS_PER_S = 30


@dataclass
class Bench:
    """An editor with a server that has read everything, and what to ask it about."""

    editor: Editor
    files: list[Path]
    traced: list[dict[str, float]]
    """Figures of the suggestions that the server made or stopped, in order."""

    async def traces(self, count: int) -> None:
        """Wait until so many figures have come."""
        while len(self.traced) < count:
            await asyncio.sleep(0.002)


def measure(quick: bool) -> list[Bar]:
    return asyncio.run(_measure(quick))


async def _measure(quick: bool) -> list[Bar]:
    with TemporaryDirectory(prefix="megacontext-") as folder:
        tokenizer = TextTokenizer.load(Workplace.at(overrides=SETTINGS).folder)
        root = repository(Path(folder) / "repository", TOKENS // (10 if quick else 1), tokenizer)
        async with _opened(root) as bench:
            return [
                *await _completions(bench, 30 if quick else 200),
                await _superseded(bench, 10 if quick else 40),
                await _cancelled(bench, 10 if quick else 40),
                *await _typing(bench, 6 if quick else 60),
                *await _lookups(bench, 50 if quick else 300),
            ]


@asynccontextmanager
async def _opened(root: Path) -> AsyncIterator[Bench]:
    editor, traced = Editor(), list[dict[str, float]]()

    @editor.feature(types.LOG_TRACE)
    def trace(params: types.LogTraceParams) -> None:
        traced.append(json.loads(params.verbose or "{}"))

    await editor.start_io(sys.executable, "-m", "megacontext.agent.main", "lsp")
    try:
        await editor.open([root], {"settings": SETTINGS})
        editor.set_trace(types.SetTraceParams(types.TraceValue.Verbose))
        for done in ("files complete", "model complete"):
            await editor.until(
                lambda method, params, done=done: (
                    method == types.WINDOW_LOG_MESSAGE and done in params.message
                )
            )
        files = [
            file for file in sorted(root.rglob("*.py")) if 4_000 < file.stat().st_size < 80_000
        ]
        random.Random(SEED).shuffle(files)
        yield Bench(editor, files, traced)
    finally:
        await editor.end()


async def _completions(bench: Bench, count: int) -> list[Bar]:
    whole, share = [], []
    shown = 0
    for uri, line, column in _places(bench, count):
        before = len(bench.traced)
        started = time.perf_counter()
        shown += bool(await bench.editor.complete(uri, line, column))
        took = (time.perf_counter() - started) * 1000
        await bench.traces(before + 1)
        whole.append(took)
        share.append(took - bench.traced[-1]["ms"])
    cold = whole[::10]
    return [
        Bar(
            "a completion of one line, p50", p50(whole), "ms", at_most=300, note=spread(whole, "ms")
        ),
        Bar(
            "a completion of one line, p95",
            p95(whole),
            "ms",
            at_most=700,
            note=f"{shown} were shown",
        ),
        Bar("the first one in a file, p50", p50(cold), "ms", note=spread(cold, "ms")),
        Bar("the server's share of it, p50", p50(share), "ms", at_most=5, note=spread(share, "ms")),
    ]


def _places(bench: Bench, count: int) -> Any:
    """Middles of lines, ten in each of some documents; what stands behind them on the line is taken away."""
    drawn = random.Random(SEED)
    made = 0
    while made < count:
        file = bench.files[made // 10 % len(bench.files)]
        lines = file.read_text("utf-8").split("\n")
        uri = bench.editor.show(file)
        start = drawn.randrange(10, max(11, len(lines) - 60))
        long = [n for n in range(start, len(lines)) if len(lines[n].strip()) > 16][:10]
        for number in long:
            text = lines[number]
            column = (len(text) - len(text.lstrip()) + len(text)) // 2
            bench.editor.type(uri, number, column, "", remove=len(text) - column)
            yield uri, number, column
            bench.editor.type(uri, number, column, text[column:])
            made += 1
        made += 10 - len(long)
        bench.editor.close(uri)


def _asked(uri: str, line: int, column: int) -> types.InlineCompletionParams:
    kind = types.InlineCompletionTriggerKind.Automatic
    return types.InlineCompletionParams(
        types.InlineCompletionContext(kind),
        types.TextDocumentIdentifier(uri),
        types.Position(line, column),
    )


async def _superseded(bench: Bench, count: int) -> Bar:
    """From the newer question to the end of the generation before it, in the engine's own thread."""
    drawn, stops = random.Random(SEED), []
    for number in range(count):
        uri = bench.editor.show(bench.files[number % len(bench.files)])
        before = len(bench.traced)
        first = bench.editor.text_document_inline_completion_async(_asked(uri, 40, 0))
        older = asyncio.ensure_future(first)
        await asyncio.sleep(drawn.uniform(0.02, 0.3))
        await bench.editor.complete(uri, 60, 0)
        await older
        await bench.traces(before + 1)
        stops += [each["stop_ms"] for each in bench.traced[before:] if each["stop_ms"]]
        bench.editor.close(uri)
    return Bar(
        "a superseded generation stops within, p95",
        p95(stops),
        "ms",
        at_most=50,
        note=spread(stops, "ms"),
    )


async def _cancelled(bench: Bench, count: int) -> Bar:
    drawn, took = random.Random(SEED + 1), []
    for number in range(count):
        uri = bench.editor.show(bench.files[-1 - number % len(bench.files)])
        protocol, asked = bench.editor.protocol, f"cancelled-{number}"
        answer = asyncio.wrap_future(
            protocol.send_request(
                types.TEXT_DOCUMENT_INLINE_COMPLETION, _asked(uri, 30, 0), msg_id=asked
            )
        )
        await asyncio.sleep(drawn.uniform(0.01, 0.2))
        started = time.perf_counter()
        protocol.notify(types.CANCEL_REQUEST, types.CancelParams(asked))
        try:
            await answer
        except JsonRpcException as exc:
            assert exc.code == CANCELLED
            took.append((time.perf_counter() - started) * 1000)
        bench.editor.close(uri)
    return Bar(
        "a cancelled request is answered within, p95",
        p95(took),
        "ms",
        at_most=50,
        note=spread(took, "ms"),
    )


async def _typing(bench: Bench, seconds: int) -> list[Bar]:
    """Somebody types real code at 30 keys a second and asks at each, in a client that never cancels."""
    file = bench.files[0]
    text = file.read_text("utf-8")[:3_000]
    uri = bench.editor.show(file, "")
    before = len(bench.traced)
    process = psutil.Process(bench.editor.pid)
    stale, memory, questions = 0, [], []
    answered = -1

    async def ask(number: int, at: types.Position) -> None:
        nonlocal answered, stale
        shown = await bench.editor.complete(uri, at.line, at.character)
        stale += bool(shown) and number < answered
        answered = max(answered, number)

    line = column = 0
    started = time.perf_counter()
    for number in range(seconds * KEYS_PER_S):
        char = text[number % len(text)]
        bench.editor.type(uri, line, column, char)
        line, column = (line + 1, 0) if char == "\n" else (line, column + 1)
        questions.append(asyncio.create_task(ask(number, types.Position(line, column))))
        if number % KEYS_PER_S == 0:
            memory.append(process.memory_info().rss / 1e6)
        await asyncio.sleep(max(0.0, started + (number + 1) / KEYS_PER_S - time.perf_counter()))
    await asyncio.gather(*questions)
    memory.append(process.memory_info().rss / 1e6)
    settled = memory[len(memory) // 4]
    ran = sorted((each["began"], each["ended"]) for each in bench.traced[before:])
    at_once = sum(later < end for (_, end), (later, _) in itertools.pairwise(ran))
    rate = f"{len(questions)} keys in {time.perf_counter() - started:.0f} s"
    return [
        Bar("30 keys a second: stale answers", stale, at_most=0, note=rate),
        Bar("30 keys a second: generations beside another one", at_once, at_most=0, note=f"{len(ran)} begun"),
        Bar("30 keys a second: growth of memory", memory[-1] - settled, "MB", at_most=20, note=spread(memory, "MB")),
    ]  # fmt: skip


async def _lookups(bench: Bench, count: int) -> list[Bar]:
    drawn, hovers, symbols = random.Random(SEED + 2), [], []
    names = []
    for number in range(count):
        file = bench.files[number // 10 % len(bench.files)]
        lines = file.read_text("utf-8").split("\n")
        uri = bench.editor.show(file) if number % 10 == 0 else file.as_uri()
        at = drawn.choice(
            [n for n, line in enumerate(lines) if line.lstrip().startswith("def ")] or [0]
        )
        column = lines[at].find("def ") + 5
        names.append(lines[at][column - 1 :].partition("(")[0])
        hover = types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(at, column))
        started = time.perf_counter()
        await bench.editor.text_document_hover_async(hover)
        hovers.append((time.perf_counter() - started) * 1000)
    for name in names:
        query = types.WorkspaceSymbolParams(name[: drawn.randrange(1, 8)])
        started = time.perf_counter()
        await bench.editor.workspace_symbol_async(query)
        symbols.append((time.perf_counter() - started) * 1000)
    return [
        Bar("hover, p50", p50(hovers), "ms", at_most=20, note=spread(hovers, "ms")),
        Bar("hover, p95", p95(hovers), "ms"),
        Bar("workspace/symbol, p50", p50(symbols), "ms", at_most=50, note=spread(symbols, "ms")),
        Bar("workspace/symbol, p95", p95(symbols), "ms"),
    ]
