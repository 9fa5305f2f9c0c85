"""Files that nobody would write: they are cut into chunks that tile them, taken in, and read again as they are."""

import json
import queue
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.benchmarks.bars import Bar, p50, p95
from tests.benchmarks.machine import ROOT
from tests.patience import PATIENCE_S

from .task import IN_MEMORY, Faults, Task

FILES = 6_000
BATCH = 50


@dataclass
class Taken:
    """What one process after the other said."""

    faults: Faults
    cut_ms: list[float] = field(default_factory=list)
    ingest_ms: list[float] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)
    slowest: int = 0
    """Seed of the file that took longest to cut."""
    ended: int = 0
    """Processes that ended or hung."""


def measure(task: Task) -> list[Bar]:
    wanted = task.share(FILES)
    seeds = list(task.seeds(wanted))
    taken = Taken(Faults("files"))
    while seeds:
        with (
            TemporaryDirectory(prefix="megacontext-", dir=IN_MEMORY) as folder,
            _process(task, Path(folder)) as process,
        ):
            seeds = _feed(process, seeds, taken)
    return _bars(taken, wanted)


@contextmanager
def _process(task: Task, folder: Path) -> Iterator["subprocess.Popen[str]"]:
    root = folder / "repository"
    root.mkdir()
    command = task.command("tests.soak.taking_in", str(root))
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=ROOT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _feed(process: "subprocess.Popen[str]", seeds: list[int], taken: Taken) -> list[int]:
    """Give a process one batch after the other; the seeds that are left when it ended or hung."""
    assert process.stdin and process.stdout
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_pump, args=(process.stdout, lines), daemon=True).start()
    for start in range(0, len(seeds), BATCH):
        batch = seeds[start : start + BATCH]
        process.stdin.write(json.dumps(batch) + "\n")
        process.stdin.flush()
        begun = _listen(lines, batch, taken)
        if begun is not None:
            taken.ended += 1
            taken.faults.add(begun, f"the process ended or hung ({process.poll()})")
            # What was cut of the batch before is not counted again.
            return seeds[seeds.index(begun) + 1 :]
    return []


def _listen(lines: "queue.Queue[str]", batch: list[int], taken: Taken) -> int | None:
    """Hear a process through one batch; the seed that it ended or hung at, if it did."""
    begun = batch[0]
    while True:
        try:
            told: dict[str, Any] = json.loads(lines.get(timeout=PATIENCE_S))
        except (queue.Empty, ValueError):
            return begun
        if "done" in told:
            return None
        begun = told.get("begun", begun)
        if "size" in told:
            taken.sizes[begun] = told["size"]
        if "wrong" in told:
            taken.faults.add(begun, told["wrong"])
        if "taken_in" in told:
            taken.ingest_ms.append(told["ms"] / told["taken_in"])
        elif "ms" in told:
            if told["ms"] > max(taken.cut_ms, default=0.0):
                taken.slowest = begun
            taken.cut_ms.append(told["ms"])


def _pump(stream: Any, lines: "queue.Queue[str]") -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def _bars(taken: Taken, wanted: int) -> list[Bar]:
    total = sum(taken.sizes.values()) / 1e6
    slow = f"seed {taken.slowest}, {taken.sizes.get(taken.slowest, 0):,} bytes"
    return [
        Bar("made-up files", len(taken.sizes), at_least=wanted, note=f"{total:,.1f} MB"),
        taken.faults.bar("files not tiled, not read as they are, or not as from scratch"),
        Bar("processes that a file ended or hung", taken.ended, at_most=0),
        Bar(
            "cutting and checking a file, p50",
            p50(taken.cut_ms),
            "ms",
            note=f"p95 {p95(taken.cut_ms):,.0f} ms",
        ),
        Bar("the slowest of them", max(taken.cut_ms), "ms", at_most=60_000, note=slow),
        Bar("taking in a file, p50 of batches", p50(taken.ingest_ms or [0.0]), "ms"),
    ]
