"""A memory with a real watcher on it, and the batches that it commits."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, Queue
from types import TracebackType
from typing import Self

from megacontext.configs.errors import MegaContextError
from megacontext.memory.memory import Memory
from megacontext.memory.watching import Batch, Watcher

from .machine import processor_s

PATIENCE_S = 120.0
QUIET_S = 3.0


@dataclass(frozen=True)
class Arrival:
    """A batch, and the clocks when it was committed."""

    batch: Batch
    at: float
    """`time.monotonic()`."""
    cpu: float
    """Processor time until then, in seconds; see `processor_s`."""


@dataclass
class Watched:
    """Use in a `with` statement; watching has begun when it is entered."""

    memory: Memory
    window_s: float
    arrivals: "Queue[Arrival | MegaContextError]" = field(default_factory=Queue)

    def __enter__(self) -> Self:
        self._watcher = Watcher(self.memory.writer, self.window_s, self._note, self.arrivals.put)
        self._watcher.start()
        self._settle()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watcher.stop()

    def _note(self, batch: Batch) -> None:
        self.arrivals.put(Arrival(batch, time.monotonic(), processor_s()))

    def _settle(self) -> None:
        # The watcher first compares everything; a file of our own tells when it is through with that.
        probe = self.memory.places.root / "probe.txt"
        probe.write_text("probe\n")
        self.next()
        probe.unlink()
        self.next()

    def next(self, patience_s: float = PATIENCE_S) -> Arrival:
        """The next batch; raises what the watcher met, or Empty after `patience_s`."""
        arrival = self.arrivals.get(timeout=patience_s)
        if isinstance(arrival, MegaContextError):
            raise arrival
        return arrival

    def until(self, paths: Collection[str]) -> list[Arrival]:
        """Batches until all of `paths` were in one, and none comes any more."""
        left, arrivals = set(paths), []
        while True:
            try:
                arrival = self.next(PATIENCE_S if left else QUIET_S)
            except Empty:
                return arrivals
            report = arrival.batch.report
            left.difference_update(report.added, report.changed)
            arrivals.append(arrival)


@contextmanager
def stopwatch(into: list[float]) -> Iterator[None]:
    """Append the seconds that the block takes."""
    started = time.perf_counter()
    yield
    into.append(time.perf_counter() - started)
