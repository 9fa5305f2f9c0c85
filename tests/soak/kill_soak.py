"""Writers that die, or whose disk fails, at a chosen write: what was committed is there, and the rest is made again.

Each point is drawn from its own seed: a repository with an index, edits, and a plan for the disk. After it the memory
is opened again and has to hold what was acknowledged, refuse every row that is not whole, and end where an index from
scratch does, row by row. In every fourth point the writer that mends the memory meets a fault as well.
"""

import random
import shutil
import sqlite3
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from megacontext.configs.errors import MegaContextError, StoreError
from megacontext.memory.memory import Memory
from megacontext.memory.tree.level_file import HEADER_SIZE
from tests.benchmarks.bars import Bar, p50, p95
from tests.memory.failing_disk import Fault, Plan
from tests.memory.killing import REFUSED, Indexer, Kill, held
from tests.memory.workbench import (
    ByteTokens,
    Elsewhere,
    SumGister,
    module,
    open_memory,
    said,
    write_files,
)

from .task import IN_MEMORY, Faults, Task

POINTS = 1_000
FILES = 16
EDITS = 6
"""So many different sets of edits."""
FAR = 1_000_000
"""No run has so many steps."""


@dataclass
class Bench:
    """A repository with an index, from which each point starts, and what an index from scratch says after edits."""

    folder: Path
    expected: dict[int, dict[str, Any]] = field(default_factory=dict)

    @cached_property
    def template(self) -> Path:
        """The repository before the edits, indexed."""
        root = self.folder / "template"
        write_files(root, {path_of(n): module(f"name{n}", 4) for n in range(FILES)})
        with open_memory(root) as memory:
            bring_up(memory)
        return root

    def repository(self, edits: int, *, fresh: bool) -> Path:
        """A copy of it, edited; without any index when `fresh`."""
        root = self.folder / "repository"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(self.template, root)
        if fresh:
            shutil.rmtree(root / ".megacontext")
        chance = random.Random(edits)
        changed = chance.sample(range(FILES), FILES // 2)
        write_files(root, {path_of(n): module(f"name{n}_{edits}", 4) for n in changed[1:]})
        (root / path_of(changed[0])).unlink()
        return root

    def scratch(self, root: Path, edits: int) -> dict[str, Any]:
        """What a new index of the edited repository says and holds."""
        if edits not in self.expected:
            with open_memory(Elsewhere(root, self.folder / f"scratch{edits}")) as memory:
                bring_up(memory)
                self.expected[edits] = whole(memory)
        return self.expected[edits]

    def steps(self, indexer: Indexer, *, fresh: bool) -> int:
        """How many steps a whole run has."""
        root = self.repository(0, fresh=fresh)
        kill = indexer.run(root, plan=Plan(Fault.KILLED, FAR))
        assert kill.status == 0
        return kill.steps


@dataclass(frozen=True)
class Point:
    """What is done at one kill point."""

    fresh: bool
    edits: int
    plan: Plan
    again: Plan | None
    """For the writer that comes next."""


def measure(task: Task) -> list[Bar]:
    wanted = task.share(POINTS)
    faults, met, took = Faults("kill"), Counter[Fault](), list[float]()
    midway = mended = 0
    with (
        TemporaryDirectory(prefix="megacontext-", dir=IN_MEMORY) as folder,
        Indexer(task.command("tests.memory.killing")) as indexer,
    ):
        bench = Bench(Path(folder))
        steps = {fresh: bench.steps(indexer, fresh=fresh) for fresh in (True, False)}
        for seed in task.seeds(wanted):
            started = time.perf_counter()
            point = draw(seed, steps)
            try:
                kill, repaired = happen(bench, indexer, point)
            except (AssertionError, MegaContextError, sqlite3.Error) as exc:
                faults.add(seed, f"{point.plan.fault}, step {point.plan.step}: {exc!r}")
            else:
                midway += kill.status == 9
                mended += repaired
            met[point.plan.fault] += 1
            took.append((time.perf_counter() - started) * 1000)
    return [
        Bar("points at which writing failed", len(took), at_least=wanted),
        faults.bar("points after which something was lost, false or not to be mended"),
        Bar("writers that died midway", midway),
        Bar("points with committed rows that the disk lost, refused and made again", mended),
        *(Bar(f"points: {fault}", met[fault]) for fault in Fault),
        Bar("steps of a whole run", steps[True], note=f"{steps[False]} over an index"),
        Bar("a point, p50", p50(took), "ms", note=f"p95 {p95(took):.0f} ms"),
    ]


def draw(seed: int, steps: dict[bool, int]) -> Point:
    chance = random.Random(seed)
    fresh = chance.random() < 0.3
    fault = list(Fault)[seed % len(Fault)]
    plan = Plan(fault, chance.randint(1, steps[fresh]), seed)
    again = None
    if chance.random() < 0.25:
        again = Plan(chance.choice(list(Fault)), chance.randint(1, steps[fresh] // 2), seed + 1)
    return Point(fresh, chance.randrange(EDITS), plan, again)


def happen(bench: Bench, indexer: Indexer, point: Point) -> tuple[Kill, bool]:
    """Let it happen and check what is left; how the writer ended, and whether damage had to be mended.

    Raises AssertionError or MegaContextError for whatever is not as promised.
    """
    root = bench.repository(point.edits, fresh=point.fresh)
    known = {} if point.fresh else holdings(root)
    plans = [point.plan] if point.again is None else [point.plan, point.again]
    kills = []
    for plan in plans:
        # Rows that a disk has lost behind the writer's back are refused, and it takes `verify` to make them again.
        may_refuse = any(one.fault is Fault.UNSYNCED for one in plans[: len(kills)])
        kills.append(indexer.run(root, plan=plan))
        assert kills[-1].status in ((0, 9, REFUSED << 8) if may_refuse else (0, 9)), kills
        known = _promised(known, plan, kills[-1])
    unsynced = any(plan.fault is Fault.UNSYNCED for plan in plans)
    return kills[0], check(root, known, bench.scratch(root, point.edits), unsynced=unsynced)


def _promised(known: dict[str, int], plan: Plan, kill: Kill) -> dict[str, int]:
    """What has to be there after a fault: a loss of power may take the commits since the last checkpoint."""
    if plan.fault is Fault.UNSYNCED:
        return {}
    if plan.fault is Fault.LOST and kill.status == 9:
        return known
    return kill.acknowledged or known


def check(root: Path, known: dict[str, int], expected: dict[str, Any], *, unsynced: bool) -> bool:
    """Read and open again: nothing promised is lost, no false row served, and the end is that of an index from scratch.

    Whether committed rows were damaged; raises AssertionError when they may not be.
    """
    refused = read_as_left(root, known)
    assert unsynced or not refused, f"{refused} committed rows are damaged"
    with open_memory(root) as memory:
        assert_holds(memory, {} if unsynced else known)
        memory.writer.reconcile()
        verdict = memory.verifier().run()
        assert unsynced or verdict.ok, verdict.errors
        if not verdict.ok:
            memory.repair(verdict)
        bring_up(memory)
        verdict = memory.verifier().run()
        assert verdict.ok, verdict.errors
        assert whole(memory) == expected, "not what an index from scratch says"
    return bool(refused)


def read_as_left(root: Path, known: dict[str, int]) -> int:
    """Read what a fault has left, before any writer mends it; how many committed rows are damaged."""
    try:
        reader = open_memory(root, write=False)
    except StoreError:
        assert not known, "there is nothing to read"
        return 0
    with reader:
        assert_holds(reader, known)
        short = 0
        for level, rows in reader.store.rows_per_level().items():
            path = reader.store.folder / f"L{level}.ctx"
            size = path.stat().st_size if path.exists() else 0
            short += size < HEADER_SIZE + rows * reader.store.spec.layout(level).row_bytes
        return short + false_rows(reader)


def assert_holds(memory: Memory, known: dict[str, int]) -> None:
    now = held(memory)
    # Of what there may come to be less of, files that were deleted, the chunks speak.
    lost = {name for name, n in known.items() if now.get(name, 0) < n} - {"files"}
    assert not lost, (lost, known, now)


def bring_up(memory: Memory) -> None:
    memory.writer.reconcile()
    assert memory.gisting(SumGister()).run().finished
    assert memory.has_all_gists()


def holdings(root: Path) -> dict[str, int]:
    with open_memory(root, write=False) as reader:
        return held(reader)


def false_rows(memory: Memory) -> int:
    """Read the tokens of every chunk of the catalogue; how many are refused. Served ones must be those of the text."""
    refused = 0
    for file in memory.catalogue.files():
        for chunk in memory.catalogue.chunks_of(file.id):
            text = memory.text_of(chunk)
            rows = memory.chunk_rows([chunk]).get(chunk.digest)
            if rows is None:
                continue
            try:
                tokens = memory.store.tokens(rows)
                memory.store.block_gists(rows)
                memory.store.chunk_gists(rows)
            except StoreError:
                refused += 1
            else:
                wanted = ByteTokens().encode_batch([text or ""])[0]
                assert text is None or tokens.tolist() == wanted, f"{file.path}: false tokens"
    return refused


def whole(memory: Memory) -> dict[str, Any]:
    """Everything that a memory says, and every row that it holds for it."""
    store, rows = memory.store, {}
    for file in memory.catalogue.files():
        chunks = memory.catalogue.chunks_of(file.id)
        for key, found in memory.chunk_rows(chunks).items():
            read = store.tokens(found), store.block_gists(found), store.chunk_gists(found)
            rows[key] = [None if part is None else part.tobytes() for part in read]
    waiting = [memory.root_key]
    while waiting:
        key = waiting.pop()
        if key is None or key in rows or (node := store.node(key)) is None:
            continue
        gist = store.node_gist(key)
        rows[key] = [None if gist is None else gist.tobytes()]
        waiting += node.children
    return {"said": said(memory), "rows": rows}


def path_of(number: int) -> str:
    return f"p{number % 4}/m{number}.py"
