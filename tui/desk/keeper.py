"""Keeps the memory of a repository open and fresh behind the screen: indexing, watching, gists. Knows no agent."""

import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from megacontext.agent.engine import Engine
from megacontext.agent.example import example_of
from megacontext.agent.gist_worker import GistWorker
from megacontext.agent.opening import Workplace
from megacontext.configs.errors import MegaContextError, StoreBusyError
from megacontext.memory.ingest.gisting import GistReport
from megacontext.memory.ingest.report import Progress
from megacontext.memory.watching import Batch, Watcher
from megacontext.models.base import BaseModel

from .news import Freshened, News, Opened, Rested, Trouble, Worked

GIT_S = 5.0


class _StoppedError(Exception):
    """The person does not want to wait for the whole index."""


class Keeper:
    """Opens the memory; then watches the files and makes gists until it is closed."""

    def __init__(
        self, workplace: Workplace, tell: Callable[[News], None], model: BaseModel | None = None
    ) -> None:
        """`model` takes the place of the one that the settings choose; it has no gists."""
        self.workplace = workplace
        self._tell = tell
        self._given = model
        self._watcher: Watcher | None = None
        self._gists: GistWorker | None = None
        self._loading = threading.Lock()
        self.engine: Engine | None = None
        self._gists_wanted = False
        self.is_gisting = False
        """Whether gists are being made now."""

    def open(self, cancel: threading.Event) -> Engine:
        """Open, and make memory equal to the files; may be stopped. Slow.

        Raises StoreError, RepositoryError or ModelError.
        """
        read_only = ""
        try:
            memory = self.workplace.open_memory(write=True)
        except StoreBusyError:
            memory = self.workplace.open_memory(write=False)
            read_only = str(memory.who_writes() or "another process")
        engine = Engine(self.workplace, memory, self._given)
        stopped = self.index(engine, cancel)
        with memory.reading():
            example, files = example_of(memory.catalogue), memory.catalogue.counts()["files"]
        self.engine = engine
        self._tell(
            Opened(files, memory.tokens, example.question, example.place, read_only, stopped)
        )
        return engine

    def index(self, engine: Engine, cancel: threading.Event) -> bool:
        """Make memory equal to the files; whether the person stopped it."""

        def progress(step: Progress) -> None:
            self._tell(Worked(step.stage, step.done, step.total))
            if cancel.is_set():
                raise _StoppedError

        try:
            engine.refresh(progress)
        except _StoppedError:
            return True
        finally:
            self._tell(Rested("files"))
        return False

    def load_model(self) -> BaseModel:
        """The engine's model, loaded once; slow the first time."""
        assert self.engine is not None, "the memory is opened first"
        with self._loading:
            return self.engine.model

    # Freshness

    def watch(self) -> None:
        """Take in changes of files as they come."""
        assert self.engine is not None
        memory = self.engine.memory
        if memory.ingest is None or self._watcher is not None:
            return
        window = self.workplace.settings.memory.debounce_ms / 1000
        self._watcher = Watcher(memory.ingest, window, self._on_batch, self._on_error)
        self._watcher.start()

    def _on_batch(self, batch: Batch) -> None:
        report = batch.report
        paths = (*report.added, *report.changed, *report.removed)
        self._tell(Freshened(paths, batch.latency_s * 1000))
        if self._gists is not None:
            self._gists.wake()
        elif self._gists_wanted:
            self.make_gists()

    def _on_error(self, error: MegaContextError) -> None:
        self._tell(Trouble(str(error)))

    # Gists

    def make_gists(self) -> None:
        """Make the gists that are missing, now and whenever something changes, if the settings ask for them."""
        assert self.engine is not None
        memory = self.engine.memory
        if self._given is not None or memory.ingest is None or not self.workplace.wants_gists:
            return
        self._gists_wanted = True
        with memory.reading():
            complete = memory.has_all_gists()
        if complete:
            # The model is not loaded for nothing.
            self._tell(Rested("gists", 1.0))
        elif self._gists is None:
            self._gists = GistWorker(
                self.workplace,
                memory,
                self._on_error,
                model=self.load_model,
                on_progress=self._on_gist_progress,
                on_report=self._on_gists,
            )
            self._gists.start()

    def _on_gist_progress(self, step: Progress) -> None:
        self.is_gisting = True
        self._tell(Worked("gists", step.done, step.total))

    def _on_gists(self, report: GistReport) -> None:
        self.is_gisting = False
        self._tell(Rested("gists", 1.0 if report.finished else None))

    def stop_gists(self) -> None:
        """Make no more gists. Waits for the batch under way."""
        worker, self._gists, self._gists_wanted = self._gists, None, False
        if worker is not None:
            worker.stop()
            self.is_gisting = False
            self._tell(Rested("gists"))

    def close(self) -> None:
        """Stop everything, and let another process write."""
        self.stop_gists()
        if self._watcher is not None:
            self._watcher.stop()
            self._watcher = None
        if self.engine is not None:
            self.engine.memory.close()


def branch_of(root: Path) -> str:
    """The branch that is checked out, with a star when files differ from it; "" where git knows none. Slow."""
    told = ""
    with suppress(OSError, subprocess.TimeoutExpired):
        told = subprocess.run(
            ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no"],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=GIT_S,
            check=False,
        ).stdout
    lines = told.splitlines()
    head = next((line.split(" ", 2)[2] for line in lines if line.startswith("# branch.head ")), "")
    dirty = any(not line.startswith("#") for line in lines)
    return f"{head}{'*' * dirty}" if head else ""
