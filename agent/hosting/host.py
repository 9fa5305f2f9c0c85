"""Keeps one repository open for a front end that stays: index, watcher, gists, unsaved buffers. Knows no protocol.

One process writes an index. A host whose index is written by another one reads it, and takes over when that one leaves.
"""

import threading
import time
from collections.abc import Callable

from megacontext.configs.errors import MegaContextError, StoreBusyError, StoreError
from megacontext.memory.ingest.gisting import GistReport
from megacontext.memory.ingest.report import Progress
from megacontext.memory.memory import Memory
from megacontext.memory.watching import Batch, Watcher
from megacontext.models.base import BaseModel

from ..engine import Engine
from ..gist_worker import GistWorker
from ..opening import Workplace
from .lane import Lane
from .news import Freshened, HostNews, Opened, Rested, Trouble, Worked
from .shelf import Shelf

LOOK_S = 1.0
"""Between two looks whether the process that writes has left."""
QUIET_S = 0.25
"""A buffer is taken into memory when nobody has typed into it for so long."""


class _StoppedError(Exception):
    """The index is not wanted any further."""


class Host:
    """One repository. Its methods are called from one thread and return at once, but for `close`."""

    def __init__(
        self,
        workplace: Workplace,
        tell: Callable[[HostNews], None],
        shelf: Shelf | None = None,
        model: BaseModel | None = None,
    ) -> None:
        """`tell` is called from any thread; `model` takes the place of the one that settings choose."""
        self.workplace = workplace
        self.root = workplace.places.root
        self.engine: Engine | None = None
        """None before the memory is open."""
        self.model_lane = Lane("model")
        """For whatever asks the model: one at a time."""
        self.quick_lane = Lane("quick")
        """For what only reads the memory."""
        self._tell = tell
        self._shelf = shelf or Shelf()
        self._given = model
        self._watcher: Watcher | None = None
        self._gists: GistWorker | None = None
        self._changed = threading.Condition()
        self._closing = False
        self._stop_index = False
        self._buffers: dict[str, bytes] = {}
        self._waiting: dict[str, float] = {}
        """Paths whose buffer memory has not taken in yet, and when it may."""
        self._thread = threading.Thread(target=self._keep, name="host", daemon=True)

    def start(self) -> None:
        """Open in the background; `tell` hears of it."""
        self._thread.start()

    @property
    def writes(self) -> bool:
        """Whether this process keeps the index fresh."""
        return self.engine is not None and self.engine.memory.ingest is not None

    # Buffers

    def hold(self, path: str, data: bytes) -> None:
        """A file is being edited: memory reads this in its place, as soon as nobody types for a moment."""
        with self._changed:
            self._buffers[path] = data
            self._waiting[path] = time.monotonic() + QUIET_S
            self._changed.notify()

    def release(self, path: str) -> None:
        """A file is no longer edited: memory reads it from disk again."""
        with self._changed:
            if self._buffers.pop(path, None) is not None:
                self._waiting[path] = time.monotonic()
                self._changed.notify()

    def stop_indexing(self) -> None:
        """End the first pass over the files early; what changes later is still taken in."""
        self._stop_index = True

    # The thread that keeps it

    def _keep(self) -> None:
        try:
            memory = self._open()
            if memory is None:
                return
            engine = Engine(
                self.workplace,
                memory,
                self._given,
                load=lambda: self._shelf.model_of(self.workplace),
            )
            self.engine = engine
            self._tell_opened(memory)
            self._go_on(memory)
        except MegaContextError as exc:
            self._tell(Trouble(str(exc)))

    def _open(self) -> Memory | None:
        """The memory, for writing if nobody else writes; None when closed before there was one."""
        waited = False
        while not self._closing:
            try:
                return self.workplace.open_memory(write=True)
            except StoreBusyError as busy:
                try:
                    return self.workplace.open_memory(write=False)
                except StoreError as exc:
                    # The one who writes may be at the very beginning, or write for another model.
                    if not waited:
                        self._tell(Trouble(f"{busy}; until then there is no memory: {exc}"))
                    waited = True
            with self._changed:
                self._changed.wait_for(lambda: self._closing, LOOK_S)
        return None

    def _tell_opened(self, memory: Memory) -> None:
        writer = "" if memory.ingest else str(memory.who_writes() or "another process")
        self._tell(Opened(memory.ingest is not None, writer))

    def _go_on(self, memory: Memory) -> None:
        if memory.ingest is not None:
            self._write(memory)
        while not self._closing:
            if memory.ingest is None and memory.take_over():
                self._tell_opened(memory)
                self._write(memory)
            self._take_in_buffers(memory)
            with self._changed:
                self._changed.wait_for(self._has_work, self._rest_s(memory))

    def _has_work(self) -> bool:
        now = time.monotonic()
        return self._closing or any(due <= now for due in self._waiting.values())

    def _rest_s(self, memory: Memory) -> float | None:
        now = time.monotonic()
        rests = [due - now for due in self._waiting.values()] if self._watcher else []
        if memory.ingest is None:
            rests.append(LOOK_S)
        return max(0.0, min(rests)) if rests else None

    def _write(self, memory: Memory) -> None:
        """Be the one who writes: everything once, then what changes."""
        with self._changed:
            self._waiting |= dict.fromkeys(self._buffers, 0.0)
        self._index(memory)
        if self._closing:
            return
        window = self.workplace.settings.memory.debounce_ms / 1000
        self._watcher = Watcher(memory.writer, window, self._on_batch, self._on_error)
        self._watcher.start()
        self._make_gists(memory)

    def _index(self, memory: Memory) -> None:
        def progress(step: Progress) -> None:
            self._tell(Worked(step.stage, step.done, step.total))
            if self._stop_index or self._closing:
                raise _StoppedError

        try:
            memory.writer.reconcile(progress)
        except _StoppedError:
            self._tell(Rested("files", stopped=True))
        else:
            self._tell(Rested("files"))

    def _take_in_buffers(self, memory: Memory) -> None:
        now = time.monotonic()
        with self._changed:
            if memory.ingest is None or self._watcher is None:
                self._waiting.clear()
                return
            due = [path for path, at in self._waiting.items() if at <= now]
            for path in due:
                del self._waiting[path]
            buffers = {path: self._buffers.get(path) for path in due}
        if not buffers:
            return
        with memory.ingest.lock:
            for path, data in buffers.items():
                if data is None:
                    memory.ingest.overlays.pop(path, None)
                else:
                    memory.ingest.overlays[path] = data
        self._watcher.notice(due)

    def _on_batch(self, batch: Batch) -> None:
        report = batch.report
        self._tell(Freshened((*report.added, *report.changed, *report.removed)))
        if self._gists is not None:
            self._gists.wake()

    def _on_error(self, error: MegaContextError) -> None:
        self._tell(Trouble(str(error)))

    def _make_gists(self, memory: Memory) -> None:
        if self._given is not None or not self.workplace.wants_gists:
            return
        self._gists = GistWorker(
            self.workplace,
            memory,
            self._on_error,
            model=lambda: self._shelf.model_of(self.workplace),
            on_progress=lambda step: self._tell(Worked("gists", step.done, step.total)),
            on_report=self._on_gists,
        )
        self._gists.start()

    def _on_gists(self, report: GistReport) -> None:
        self._tell(Rested("gists", stopped=not report.finished))

    def close(self, seconds: float) -> bool:
        """Stop everything and let another process write; waits for so long at most. Whether all has ended."""
        until = time.monotonic() + seconds
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)
        ended = not self._thread.is_alive()
        for lane in (self.model_lane, self.quick_lane):
            ended &= lane.close(max(0.0, until - time.monotonic()))
        if not ended:
            return False
        if self._gists is not None:
            self._gists.stop()
        if self._watcher is not None:
            self._watcher.stop()
        if self.engine is not None:
            self.engine.memory.close()
        return True
