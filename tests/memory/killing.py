"""Kills a process at any moment while it indexes, and says what it had acknowledged before.

`Indexer` starts one process that forks a child for each run, so that a run costs no start-up; `kill_many` is the
whole experiment, for the test (20 times) and for the benchmark (200 times). Run as a module it is that process.

A child goes on with its next commit when it is told to. So it is killed within the commit that chance has chosen, at
any moment of it, however slow or fast the machine is. Or its disk fails by a plan, and nobody need kill it.
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
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from megacontext.configs.errors import StoreError
from megacontext.memory.ingest import gisting, ingest
from megacontext.memory.memory import Memory

from .failing_disk import Disk, Fault, Plan
from .workbench import SumGister, module, open_memory, said, scratch, write_files

FILES = 32
GO_ON = b"\n"
REFUSED = 3
"""A child ends so when the memory itself refuses to be written, and says why."""
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


def index(root: Path, acknowledge: Callable[[Memory], object]) -> None:
    """Index in many small commits and acknowledge each."""
    ingest.BATCH_FILES = 3
    gisting.BATCH_BLOCKS = 30
    with open_memory(root) as memory:
        # As often as in a repository of many thousand files, SQLite moves its log into the database.
        memory.writer.db.execute("PRAGMA wal_autocheckpoint = 20")
        memory.writer.reconcile(lambda _: acknowledge(memory))
        acknowledge(memory)
        memory.gisting(SumGister()).run(lambda _: acknowledge(memory))
        acknowledge(memory)


def index_on(disk: Disk | None, root: Path) -> None:
    """Index on a disk that may fail, and acknowledge on standard output; what the disk refuses is tried once more."""

    def acknowledge(memory: Memory) -> None:
        told = {"held": held(memory), "steps": disk.steps if disk else 0}
        os.write(1, json.dumps(told).encode() + b"\n")
        assert os.read(0, 1) == GO_ON

    if disk is None:
        return index(root, acknowledge)
    disk.put_in()
    try:
        index(root, acknowledge)
    except StoreError:
        disk.heal()
        index(root, acknowledge)


def main() -> None:
    """Fork a child for each root that comes in; say its number, and how it ended."""
    for line in sys.stdin:
        if line == GO_ON.decode():
            continue  # for a child that was killed before it read it
        child = os.fork()
        if child == 0:
            code = 1
            try:
                asked = json.loads(line)
                index_on(_disk(asked["disk"]), Path(asked["root"]))
                code = 0
            except StoreError:
                code = REFUSED
            except Exception:
                traceback.print_exc()
                raise
            finally:
                os._exit(code)
        os.write(1, f"child {child}\n".encode())
        os.write(1, f"ended {os.waitpid(child, 0)[1]}\n".encode())


def _disk(asked: dict[str, Any] | None) -> Disk | None:
    if asked is None:
        return None
    return Disk(Plan(Fault(asked["fault"]), asked["step"], asked["seed"]))


@dataclass(frozen=True)
class Kill:
    """One run: how many commits it acknowledged, the last one's counts, and how it ended."""

    commits: int
    acknowledged: dict[str, int]
    status: int
    """As `os.waitpid` gives it: 9 is killed, 0 is finished before, `REFUSED << 8` is refused."""
    steps: int = 0
    """Of a failing disk, up to the last commit."""


class Indexer:
    """The process that forks; another `command` may do something to the product before."""

    def __init__(
        self, command: Sequence[str] = (sys.executable, "-m", "tests.memory.killing")
    ) -> None:
        self._command = command

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=HERE.parents[2]
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

    def run(
        self,
        root: Path,
        last: int | None = None,
        after_s: float = 0.0,
        plan: Plan | None = None,
    ) -> Kill:
        """Index `root`, and kill it so many seconds after commit `last`, or at the next one; None lets it finish.

        With a `plan`, on a disk that fails by it.
        """
        asked = {"root": str(root), "disk": asdict(plan) if plan else None}
        self._send(json.dumps(asked).encode() + b"\n")
        child = int((self._line() or "").removeprefix("child "))
        commits, acknowledged, steps = 0, {}, 0
        while True:
            dies = commits == last
            line = self._line(after_s if dies else None)
            if line is not None and line.startswith("ended "):
                return Kill(commits, acknowledged, int(line.removeprefix("ended ")), steps)
            if line is not None:
                told = json.loads(line)
                commits, acknowledged, steps = commits + 1, told["held"], told["steps"]
            if dies:
                with suppress(ProcessLookupError):  # its last commit was behind it
                    os.kill(child, signal.SIGKILL)
                last = None
            else:
                self._send(GO_ON)

    def _send(self, data: bytes) -> None:
        assert self._process.stdin
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def _line(self, within_s: float | None = None) -> str | None:
        """The next line; None when there is none so soon."""
        assert self._process.stdout
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._rest:
            if not select.select([pipe], [], [], within_s)[0]:
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
        assert indexer.run(root).status == 0  # the first run waits for the process to start
        shutil.rmtree(root / ".megacontext")
        began = time.monotonic()
        whole = indexer.run(root)
        assert whole.status == 0
        commit_s = (time.monotonic() - began) / whole.commits
        for turn in range(times):
            if chance.random() < 0.3:
                shutil.rmtree(root / ".megacontext")
            for n in chance.sample(range(FILES), FILES // 2):
                write_files(root, {f"p{n % 4}/m{n}.py": module(f"name{n}_{turn}", 5)})
            commit = chance.randrange(whole.commits)
            kill = indexer.run(root, commit, chance.uniform(0, 1.5 * commit_s))
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
    main()
