"""`python -m tests.soak.reading ROOT HISTORY SEED`: a reader in a process of its own.

A line on standard input is for how many seconds to read. The answer, a line of JSON on standard output, says how long
each kind of reading took, what failed, and which verbatim text no file held while it was read.
"""

import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from megacontext.agent.engine import Engine
from megacontext.agent.opening import Workplace
from megacontext.memory.focus import FocusQuery

from .project import LEAD, History, path_of, text_of

SETTINGS = {"model.name": "pocket", "model.device": "cpu", "memory.gists": "off"}
VERBATIM = 0
BUDGET = 1_500


@dataclass
class Reader:
    """Focuses, searches and reads, and checks every text that it is given."""

    engine: Engine
    history: History
    files: int
    chance: random.Random
    stale: list[str] = field(default_factory=list)
    told: int = 0
    """How often a piece was called stale instead of shown."""
    shown: int = 0
    """Verbatim pieces that were shown."""

    def focus(self) -> None:
        """A working context for a question, and its text."""
        number, each = self.chance.randrange(self.files), self.chance.randrange(8)
        query = FocusQuery(
            f"what has customer {each} of department {number} ordered", budget=BUDGET
        )
        since = time.monotonic_ns()
        _, rendering = self.engine.focus_and_read(query)
        until = time.monotonic_ns()
        self.told += len(rendering.stale)
        for shown in rendering.shown:
            if shown.entry.level == VERBATIM:
                self._check(shown.entry.path, LEAD.sub("", shown.text, count=1), since, until)

    def search(self) -> None:
        """Full text, and the pieces that it finds."""
        memory = self.engine.memory
        since = time.monotonic_ns()
        with memory.reading():
            hits = memory.catalogue.search(f"order {self.chance.randrange(self.files)} department")
            found = memory.catalogue.chunks(hit.chunk_id for hit in hits[:10])
            texts = [(chunk.path, memory.text_of(chunk)) for chunk in found.values()]
        until = time.monotonic_ns()
        for path, text in texts:
            if text is None:
                self.told += 1
            else:
                self._check(path, text, since, until)

    def read(self) -> None:
        """A whole file."""
        number = self.chance.randrange(self.files)
        since = time.monotonic_ns()
        data = self.engine.memory.read(path_of(number))
        until = time.monotonic_ns()
        self.history.follow()
        there = set(self.history.versions(number, since, until))
        wanted = {None if v < 0 else text_of(number, v).encode() for v in there}
        if data not in wanted:
            self.stale.append(f"{path_of(number)} as it never was in that time")

    def _check(self, path: str, piece: str, since: int, until: int) -> None:
        self.shown += 1
        number = int(Path(path).stem.removeprefix("module"))
        if not self.history.held(number, piece, since, until):
            self.stale.append(f"{path}: {piece[:200]!r}")


def read_for(reader: Reader, seconds: float) -> dict[str, Any]:
    """Read until the time is over."""
    took: dict[str, list[float]] = defaultdict(list)
    errors: list[str] = []
    acts: list[Callable[[], None]] = [reader.focus, reader.search, reader.read]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        act = reader.chance.choice(acts)
        started = time.perf_counter()
        try:
            act()
        except Exception as exc:  # noqa: BLE001  no reader may ever get one
            errors.append(f"{act.__name__}: {exc!r}")
        took[act.__name__].append((time.perf_counter() - started) * 1000)
    return {
        "took": took,
        "errors": errors,
        "stale": reader.stale,
        "told": reader.told,
        "shown": reader.shown,
    }


def main() -> None:
    root, history, seed, files = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:5])
    workplace = Workplace.at(root, SETTINGS)
    with workplace.open_memory(write=False) as memory:
        engine = Engine(workplace, memory)
        reader = Reader(engine, History(history), files, random.Random(seed))
        for line in sys.stdin:
            sys.stdout.write(json.dumps(read_for(reader, float(line))) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
