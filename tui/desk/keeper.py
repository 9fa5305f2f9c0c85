"""Keeps the memory of a repository open and fresh behind the screen, through a host. Knows no agent."""

import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from megacontext.agent.engine import Engine
from megacontext.agent.example import example_of
from megacontext.agent.hosting import news as hosting
from megacontext.agent.hosting.host import Host
from megacontext.agent.opening import Workplace
from megacontext.models.base import BaseModel

from .news import Freshened, News, Opened, Remark, Rested, Trouble, Worked

GIT_S = 5.0
LOOK_S = 0.05


class Keeper:
    """Opens the memory; then watches the files and makes gists until it is closed."""

    def __init__(
        self, workplace: Workplace, tell: Callable[[News], None], model: BaseModel | None = None
    ) -> None:
        """`model` takes the place of the one that the settings choose; it has no gists."""
        self.workplace = workplace
        self._tell = tell
        self._host = Host(workplace, self._hear, model=model)
        self._opened: hosting.Opened | None = None
        self._passed = threading.Event()
        """Set when a pass over all files has ended, or is another process's affair."""
        self._stopped = False
        """Whether the latest pass was stopped before its end."""
        self._leaving = False
        self._loading = threading.Lock()
        self.engine: Engine | None = None
        """None before the memory is open and equal to the files."""
        self.is_gisting = False
        """Whether gists are being made now."""

    def open(self, cancel: threading.Event) -> Engine | None:
        """Open, and make memory equal to the files; may be stopped. Slow. None when it could not be opened."""
        self._host.start()
        self._wait(cancel)
        engine = self._host.engine
        if engine is None:
            return None
        memory = engine.memory
        with memory.reading():
            example, files = example_of(memory.catalogue), memory.catalogue.counts()["files"]
        self.engine = engine
        self._tell(
            Opened(
                files, memory.tokens, example.question, example.place, self._writer, self._stopped
            )
        )
        return engine

    def index(self, cancel: threading.Event) -> None:
        """Make memory equal to the files again, and the gists that are missing; may be stopped."""
        if self._writer:
            self._tell(Remark(f"{self._writer} keeps this memory fresh; it is read here"))
            return
        self._passed.clear()
        self._host.index()
        self._wait(cancel)

    def _wait(self, cancel: threading.Event) -> None:
        while not (self._leaving or self._passed.wait(LOOK_S)) and self._host.is_alive:
            if cancel.is_set():
                self._host.stop("files")

    @property
    def _writer(self) -> str:
        """Who writes the memory in our place; "" when we do."""
        if self._opened is None or self._opened.writes:
            return ""
        return self._opened.writer

    def load_model(self) -> BaseModel:
        """The engine's model, loaded once; slow the first time."""
        assert self.engine is not None, "the memory is opened first"
        with self._loading:
            return self.engine.model

    def stop_gists(self) -> None:
        """Make no more gists, until the files are indexed again."""
        self._host.stop("gists")

    def _hear(self, news: hosting.HostNews) -> None:
        match news:
            case hosting.Opened(writes=writes):
                if self._opened is not None:
                    self._tell(Remark("the memory is kept fresh here from now on"))
                self._opened = news
                if not writes:
                    self._passed.set()
            case hosting.Worked(stage=stage, done=done, total=total):
                self.is_gisting |= stage == "gists"
                self._tell(Worked(stage, done, total))
            case hosting.Rested(stage="gists", stopped=stopped):
                self.is_gisting = False
                self._tell(Rested("gists", None if stopped else 1.0))
            case hosting.Rested(stage=stage, stopped=stopped):
                self._tell(Rested(stage))
                self._stopped = stopped
                self._passed.set()
            case hosting.Freshened(paths=paths, ms=ms):
                self._tell(Freshened(paths, ms))
            case hosting.Trouble(text=text):
                self._tell(Trouble(text))

    def leave(self) -> None:
        """Let nobody wait for the memory any more: the program is about to end."""
        self._leaving = True

    def close(self, seconds: float) -> bool:
        """Stop everything, and let another process write; waits for so long at most. Whether all has ended."""
        return self._host.close(seconds)


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
