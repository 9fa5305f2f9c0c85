"""Kills a process at any moment while it indexes, and says what it had acknowledged before.

`Indexer` starts one process that forks a child for each run, so that a run costs no start-up; `kill_many` is the
whole experiment, for the test (20 times) and for the benchmark (200 times). Run as a module it is that process.
"""

import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from megacontext.memory.ingest import gisting, ingest
from megacontext.memory.memory import Memory

from .workbench import SumGister, module, open_memory, said, scratch, write_files

FILES = 32
HERE = Path(__file__).resolve()


def held(memory: Memory) -> dict[str, int]:
    """What is committed, as counts that only grow."""
    ask = {
        "files": "SELECT count(*) FROM files",
        "chunks": "SELECT count(*) FROM tree_chunks",
        "gists": "SELECT count(*) FROM tree_chunks WHERE l1 IS NOT NULL AND l2 IS NOT NULL",
        "nodes": "SELECT count(*) FROM tree_nodes WHERE row IS NOT NULL",
    }
    return {name: memory.db.execute(sql).fetchone()[0] for name, sql in ask.items()} | {
        f"L{level}": rows for level, rows in memory.store.rows_per_level().items()
    }


def index(root: Path) -> None:
    """Index in many small commits and acknowledge each on standard output."""
    ingest.BATCH_FILES = 3
    gisting.BATCH_BLOCKS = 30

    def acknowledge(*_: object) -> None:
        os.write(1, json.dumps(held(memory)).encode() + b"\n")

    with open_memory(root) as memory:
        memory.writer.reconcile(acknowledge)
        acknowledge()
        memory.gisting(SumGister()).run(acknowledge)
        acknowledge()


def serve() -> None:
    """Fork a child for each root that comes in; say its number, and how it ended."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                index(Path(line.rstrip("\n")))
                code = 0
            finally:
                os._exit(code)
        os.write(1, f"child {child}\n".encode())
        os.write(1, f"ended {os.waitpid(child, 0)[1]}\n".encode())


@dataclass(frozen=True)
class Kill:
    """One run: after how many seconds it was killed, what it had acknowledged, how it ended."""

    after_s: float
    acknowledged: dict[str, int]
    status: int
    """As `os.waitpid` gives it: 9 is killed, 0 is finished before."""


class Indexer:
    """The process that forks."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.memory.killing"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HERE.parents[2]
        )
        self._rest = b""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()
        assert self._process.returncode == 0

    def run(self, root: Path, after_s: float | None) -> Kill:
        """Index `root` and kill it after so many seconds, None to let it finish."""
        assert self._process.stdin
        self._process.stdin.write(f"{root}\n".encode())
        self._process.stdin.flush()
        deadline = None
        number = 0
        acknowledged: dict[str, int] = {}
        while True:
            line = self._line(deadline)
            if line is None:
                os.kill(number, signal.SIGKILL)
                deadline = None
            elif line.startswith("child "):
                number = int(line.removeprefix("child "))
                deadline = time.monotonic() + after_s if after_s is not None else None
            elif line.startswith("ended "):
                return Kill(after_s or 0.0, acknowledged, int(line.removeprefix("ended ")))
            else:
                acknowledged = json.loads(line)

    def _line(self, deadline: float | None) -> str | None:
        """The next line; None when the deadline passes first."""
        assert self._process.stdout
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._rest:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([pipe], [], [], left)[0]:
                return None
            part = os.read(pipe, 65_536)
            assert part, "the indexing process is gone"
            self._rest += part
        line, self._rest = self._rest.split(b"\n", 1)
        return line.decode()


def kill_many(folder: Path, times: int, seed: int = 0) -> list[Kill]:
    """Edit, index, kill, open again and compare with an index from scratch, `times` times.

    Raises AssertionError when anything that was acknowledged is lost, or the memory is not whole.
    """
    chance = random.Random(seed)
    root = folder / "repository"
    write_files(root, {f"p{n % 4}/m{n}.py": module(f"name{n}", 5) for n in range(FILES)})
    kills = []
    with Indexer() as indexer:
        assert indexer.run(root, None).status == 0  # the first run waits for the process to start
        shutil.rmtree(root / ".megacontext")
        began = time.monotonic()
        assert indexer.run(root, None).status == 0
        whole_s = time.monotonic() - began
        for turn in range(times):
            if chance.random() < 0.3:
                shutil.rmtree(root / ".megacontext")
            for n in chance.sample(range(FILES), FILES // 2):
                write_files(root, {f"p{n % 4}/m{n}.py": module(f"name{n}_{turn}", 5)})
            kill = indexer.run(root, chance.uniform(0, whole_s))
            kills.append(kill)
            check(root, folder / f"scratch{turn}", kill)
    return kills


def check(root: Path, elsewhere: Path, kill: Kill) -> None:
    """Nothing acknowledged is lost, and going on ends where starting anew does."""
    with open_memory(root) as memory:
        for name, count in held(memory).items():
            assert count >= kill.acknowledged.get(name, 0), (name, kill)
        memory.writer.reconcile()
        memory.gisting(SumGister()).run()
        assert memory.has_all_gists()
        verdict = memory.verifier().run()
        assert verdict.ok, verdict.errors
        assert said(memory) == scratch(root, elsewhere)
    shutil.rmtree(elsewhere)


if __name__ == "__main__":
    serve()
