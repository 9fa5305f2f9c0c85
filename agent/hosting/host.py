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


class _StoppedError(Exception):
    """The index is not wanted any further."""


class Host:
    """One repository. Its methods may be called from any thread and return at once, but for `close`."""

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
        """None before the memory is open. It can be read while it is being made."""
        self.model_lane = Lane("model")
        """For whatever asks the model: one at a time."""
        self.agent_lane = Lane("agent")
        """For turns of the agent, which may wait for a person; they share the model with the lane before."""
        self.quick_lane = Lane("quick")
        """For what only reads the memory."""
        self._tell = tell
        self._shelf = shelf or Shelf()
        self._given = model
        self._watcher: Watcher | None = None
        self._may_gist = model is None and workplace.wants_gists
        self._wants_gists = self._may_gist
        self._gists: GistWorker | None = None
        self._gisting = threading.Lock()
        self._changed = threading.Condition()
        self._closing = False
        self._again = False
        self._unwanted: set[str] = set()
        self._buffers: dict[str, bytes] = {}
        self._touched: set[str] = set()
        """Paths whose buffer memory has not taken in yet."""
        self._thread = threading.Thread(target=self._keep, name="host", daemon=True)

    def start(self) -> None:
        """Open in the background; `tell` hears of it."""
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it is still at work; not so after it was closed, or could not open the memory."""
        return self._thread.is_alive()

    @property
    def writes(self) -> bool:
        """Whether this process keeps the index fresh."""
        return self.engine is not None and self.engine.memory.ingest is not None

    def load_model(self) -> None:
        """Load the model before somebody waits for it."""

        def load() -> None:
            assert self.engine is not None, "the memory is open first"
            self._tell(Worked("model", 0, 0))
            try:
                self.engine.model  # noqa: B018  it is loaded when first asked for
            except MegaContextError as exc:
                self._tell(Trouble(str(exc)))
            finally:
                self._tell(Rested("model"))

        self.model_lane.call(load)

    # Buffers

    def hold(self, path: str, data: bytes) -> None:
        """A file is being edited: memory reads this in its place."""
        with self._changed:
            if self._buffers.get(path) != data:
                self._buffers[path] = data
                self._touch(path)

    def release(self, path: str) -> None:
        """A file is no longer edited: memory reads it from disk again."""
        with self._changed:
            if self._buffers.pop(path, None) is not None:
                self._touch(path)

    def _touch(self, path: str) -> None:
        self._touched.add(path)
        self._changed.notify()

    def index(self) -> None:
        """Compare all files with the memory once more, and go on with gists; ends as the first pass does."""
        with self._changed:
            self._again = True
            self._changed.notify()

    def stop(self, stage: str) -> None:
        """Do not go on with a piece of work: files (what changes later is still taken in) or gists."""
        with self._changed:
            self._unwanted.add(stage)
            self._changed.notify()

    # The thread that keeps it

    def _keep(self) -> None:
        try:
            memory = self._open()
            if memory is None:
                return
            self.engine = Engine(self.workplace, memory, self._given, load=self._load)
            self._tell_opened(memory)
            if memory.ingest is not None:
                self._write(memory)
            while not self._closing:
                self._look_after(memory)
        except MegaContextError as exc:
            self._tell(Trouble(str(exc)))

    def _load(self) -> BaseModel:
        return self._shelf.model_of(self.workplace)

    def _open(self) -> Memory | None:
        """The memory, for writing if nobody else writes; None when closed before there was one."""
        told = False
        while not self._closing:
            try:
                return self.workplace.open_memory(write=True)
            except StoreBusyError as busy:
                try:
                    return self.workplace.open_memory(write=False)
                except StoreError as exc:
                    # The one who writes may be at the very beginning, or write for another model.
                    if not told:
                        self._tell(Trouble(f"{busy}. Until then there is no memory: {exc}"))
                    told = True
            self._rest(LOOK_S)
        return None

    def _rest(self, seconds: float | None) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._closing or self._again or self._touched or self._unwanted, seconds
            )

    def _tell_opened(self, memory: Memory) -> None:
        writer = "" if memory.ingest else str(memory.who_writes() or "another process")
        self._tell(Opened(memory.ingest is not None, writer))

    def _look_after(self, memory: Memory) -> None:
        """Do what there is to do, then wait for more."""
        if memory.ingest is None and memory.take_over():
            self._tell_opened(memory)
            with self._changed:
                self._touched |= self._buffers.keys()
            self._write(memory)
        self._take_in_buffers(memory)
        with self._changed:
            unwanted, self._unwanted = self._unwanted, set()
            again, self._again = self._again, False
        if "gists" in unwanted:
            self._stop_gists()
            self._tell(Rested("gists", stopped=True))
        if again:
            self._start_again(memory)
        self._rest(LOOK_S if memory.ingest is None else None)

    def _start_again(self, memory: Memory) -> None:
        """Everything once more, gists too; nothing where another process writes."""
        whole = memory.ingest is None or self._index(memory)
        self._tell(Rested("files", stopped=not whole))
        if memory.ingest is not None:
            self._wants_gists = self._may_gist
            self._make_gists(memory)

    def _write(self, memory: Memory) -> None:
        """Be the one who writes: everything once, then what changes."""
        whole = self._index(memory)
        if self._closing:
            return
        window = self.workplace.settings.memory.debounce_ms / 1000
        watcher = Watcher(memory.writer, window, self._on_batch, self._on_error)
        watcher.start(compare=whole)
        self._watcher = watcher
        self._tell(Rested("files", stopped=not whole))
        self._make_gists(memory)

    def _index(self, memory: Memory) -> bool:
        """Make memory equal to the files; whether it came to its end."""

        def progress(step: Progress) -> None:
            self._tell(Worked(step.stage, step.done, step.total))
            if self._closing or "files" in self._unwanted:
                raise _StoppedError

        try:
            memory.writer.reconcile(progress)
        except _StoppedError:
            self._unwanted.discard("files")
            return False
        return True

    def _take_in_buffers(self, memory: Memory) -> None:
        with self._changed:
            touched, self._touched = self._touched, set()
            buffers = {path: self._buffers.get(path) for path in touched}
        if not touched or memory.ingest is None:
            return
        with memory.ingest.lock:
            for path, data in buffers.items():
                if data is None:
                    memory.ingest.overlays.pop(path, None)
                else:
                    memory.ingest.overlays[path] = data
        if self._watcher is not None:
            self._watcher.notice(touched)

    def _on_batch(self, batch: Batch) -> None:
        report = batch.report
        paths = (*report.added, *report.changed, *report.removed)
        self._tell(Freshened(paths, batch.latency_s * 1000))
        if self.engine is not None:
            self._make_gists(self.engine.memory)

    def _on_error(self, error: MegaContextError) -> None:
        self._tell(Trouble(str(error)))

    def _make_gists(self, memory: Memory) -> None:
        """Make what is missing, unless nobody wants it; the model is not loaded for nothing."""
        with self._gisting:
            if not self._wants_gists:
                return
            if self._gists is not None:
                self._gists.wake()
                return
            with memory.reading():
                complete = memory.has_all_gists()
            if complete:
                self._tell(Rested("gists"))
                return
            self._gists = GistWorker(
                self.workplace,
                memory,
                self._on_error,
                model=self._load,
                on_progress=lambda step: self._tell(Worked("gists", step.done, step.total)),
                on_report=self._on_gists,
            )
            self._gists.start()

    def _on_gists(self, report: GistReport) -> None:
        self._tell(Rested("gists", stopped=not report.finished))

    def _stop_gists(self) -> None:
        with self._gisting:
            worker, self._gists, self._wants_gists = self._gists, None, False
        if worker is not None:
            worker.stop()

    def close(self, seconds: float) -> bool:
        """Stop everything and let another process write; waits for so long at most. Whether all has ended."""
        until = time.monotonic() + seconds
        with self._changed:
            self._closing = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(seconds)
        ended = not self._thread.is_alive()
        for lane in (self.model_lane, self.agent_lane, self.quick_lane):
            ended &= lane.close(max(0.0, until - time.monotonic()))
        if not ended:
            return False
        if self._watcher is not None:
            self._watcher.stop()
        self._stop_gists()
        if self.engine is not None:
            self.engine.memory.close()
        return True
