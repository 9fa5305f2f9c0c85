"""Two readers, each a process of its own, while `megacontext watch` takes in edits in a third.

No reader may get an error, or a verbatim text that its file held at no moment of the time in which it was read; a
piece that is called stale instead of shown is as it should be. Reading without edits comes first, for comparison.
"""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from megacontext.agent.opening import Workplace
from megacontext.memory.freshness import compare
from tests.benchmarks.bars import Bar, p50, p95
from tests.benchmarks.corpora import commit_all
from tests.benchmarks.machine import ROOT
from tests.patience import LOOK_S, PATIENCE_S

from .project import Author, History
from .reading import SETTINGS
from .task import IN_MEMORY, Faults, Task

FILES = 150
READERS = 2
EDITS_PER_S = 10
LEAST_S = 10.0
SHARE = 12
"""One minute in so many of the whole suite's; a fifth of it without edits."""
WRITER = ("megacontext.agent.main", "watch", "--model", "pocket", "--no-gists", "--json")
ACTS = ("focus", "search", "read")

Process = subprocess.Popen[str]


def measure(task: Task) -> list[Bar]:
    seconds = max(LEAST_S, task.minutes * 60 / SHARE)
    with TemporaryDirectory(prefix="megacontext-", dir=IN_MEMORY) as folder, ExitStack() as opened:
        root, history = Path(folder) / "repository", History(Path(folder) / "history")
        author = Author(root, FILES, history, task.seed)
        commit_all(root)
        writing = task.command(*WRITER, str(root), function="run")
        writer = opened.enter_context(_started(writing))
        assert json.loads(_line(writer))["event"] == "watching"
        batches = _Batches(writer)
        where = "tests.soak.reading", str(root), str(history.path)
        reading = [
            task.command(*where, str(task.seed + number), str(FILES)) for number in range(READERS)
        ]
        readers = [opened.enter_context(_started(command)) for command in reading]
        calm = _read_all(readers, seconds / 5)
        edits = _Edits(author)
        busy = _read_all(readers, seconds, edits)
        missed = _not_taken_in(root)
        ended = writer.poll()
    return [
        *_faults(task, calm, busy, edits.made),
        Bar("files that the writer missed", missed, at_most=0),
        Bar("writers that ended", int(ended is not None), at_most=0),
        *(_latency(act, busy["took"][act], calm["took"][act]) for act in ACTS),
        _commits(batches.latencies or [0.0]),
    ]


@contextmanager
def _started(command: list[str]) -> Iterator[Process]:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=ROOT, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def _line(process: Process) -> str:
    assert process.stdout
    line = process.stdout.readline()
    assert line, f"{process.args} has ended"
    return line


class _Batches:
    """Hears what the writer says, from a thread of its own."""

    def __init__(self, writer: Process) -> None:
        self.latencies: list[float] = []
        threading.Thread(target=self._hear, args=(writer,), daemon=True).start()

    def _hear(self, writer: Process) -> None:
        assert writer.stdout
        for line in writer.stdout:
            told = json.loads(line)
            if "latency_ms" in told:
                self.latencies.append(told["latency_ms"])


class _Edits:
    """Edits a repository, so many a second, while somebody else does something."""

    def __init__(self, author: Author) -> None:
        self.made = 0
        self._author = author
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._over.wait(1 / EDITS_PER_S):
            self._author.edit()
            self.made += 1


def _read_all(readers: list[Process], seconds: float, edits: Any = None) -> dict[str, Any]:
    """Let all readers read at once; what they found, together."""
    with ExitStack() as meanwhile:
        if edits is not None:
            meanwhile.enter_context(edits)
        for reader in readers:
            assert reader.stdin
            reader.stdin.write(f"{seconds}\n")
            reader.stdin.flush()
        found = [json.loads(_line(reader)) for reader in readers]
    took = {act: [ms for each in found for ms in each["took"].get(act, [])] for act in ACTS}
    lists = {name: [item for each in found for item in each[name]] for name in ("errors", "stale")}
    return {
        "took": took,
        **lists,
        **{name: sum(each[name] for each in found) for name in ("told", "shown")},
    }


def _not_taken_in(root: Path) -> int:
    """Files that memory does not hold as they are, once the writer has had all the time it wants."""
    until = time.monotonic() + PATIENCE_S
    with Workplace.at(root, SETTINGS).open_memory(write=False) as memory:
        while True:
            found = compare(root, memory.catalogue, memory.rules)
            differing = {*found.added, *found.changed, *found.removed}
            for file in memory.catalogue.files():
                if memory.look(file.path) and not _is_as_indexed(memory, file.path):
                    differing.add(file.path)
            if not differing or time.monotonic() > until:
                return len(differing)
            time.sleep(LOOK_S * 20)


def _is_as_indexed(memory: Any, path: str) -> bool:
    record, data = memory.catalogue.file(path), memory.read(path)
    if record is None or data is None:
        return False
    chunks = memory.catalogue.chunks_of(record.id)
    return all(memory.text_of(chunk, data) is not None for chunk in chunks)


def _faults(task: Task, calm: dict[str, Any], busy: dict[str, Any], edits: int) -> list[Bar]:
    errors, stale = calm["errors"] + busy["errors"], calm["stale"] + busy["stale"]
    asked = sum(len(busy["took"][act]) for act in ACTS)
    return [
        Bar(
            "questions of readers under load", asked, at_least=1, note=f"{edits:,} edits meanwhile"
        ),
        Bar("errors that a reader got", len(errors), at_most=0, note=_told(task, errors)),
        Bar(
            "verbatim texts that were no longer so", len(stale), at_most=0, note=_told(task, stale)
        ),
        Bar(
            "verbatim texts shown",
            busy["shown"],
            at_least=1,
            note=f"{busy['told']:,} called stale instead",
        ),
    ]


def _told(task: Task, found: list[str]) -> str:
    faults = Faults("load")
    for told in found[:1]:
        faults.add(task.seed, told)
    return faults.told()


def _latency(act: str, busy: list[float], calm: list[float]) -> Bar:
    without = f"without edits {p50(calm):.1f} ms, p95 {p95(calm):.1f} ms" if calm else ""
    note = f"p95 {p95(busy):.1f} ms; {without}"
    return Bar(f"{act} under load, p50", p50(busy), "ms", note=note)


def _commits(latencies: list[float]) -> Bar:
    note = f"p95 {p95(latencies):.0f} ms over {len(latencies):,} batches"
    return Bar("from an edit to its commit, p50", p50(latencies), "ms", note=note)
