"""One writer a repository: a lock that dies with its process, and a note of who holds it."""

import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from megacontext.configs.errors import StoreBusyError, StoreError

PROBE_S = 0.2
"""Longer than anyone who only asks who writes holds the lock."""


@dataclass(frozen=True)
class Writer:
    """The process that may write the index."""

    pid: int
    command: str
    since: float
    """Seconds since the epoch."""

    def __str__(self) -> str:
        """For a person."""
        return f"process {self.pid} ({self.command})"


class WriterLock:
    """A lock file; `Writer` facts lie beside it for whoever finds it taken."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._note = path.with_suffix(".json")
        self._lock = FileLock(path)

    def __enter__(self) -> Self:
        """Take the lock; raises StoreBusyError that names the writer when another process holds it."""
        try:
            self._lock.acquire(timeout=PROBE_S)
        except Timeout as exc:
            holder = self.holder() or "another process"
            raise StoreBusyError(
                f"{holder} is writing this index; wait for it, or stop it"
            ) from exc
        except OSError as exc:
            raise StoreError(
                f"cannot lock {self.path}: {exc.strerror}; make the folder writable"
            ) from exc
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
        writer = Writer(os.getpid(), command, time.time())
        with suppress(OSError):  # on a full disk nobody is told who writes, but the lock holds
            self._note.write_text(json.dumps(asdict(writer)), encoding="utf-8")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the lock back."""
        with suppress(OSError):
            self._note.unlink()
        self._lock.release()

    def holder(self) -> Writer | None:
        """Who writes now, None when nobody does or it is not known."""
        probe = FileLock(self.path, blocking=False)
        if not self._lock.is_locked:
            if not self.path.exists():
                return None
            with suppress(Timeout, OSError), probe:
                return None
        try:
            return Writer(**json.loads(self._note.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
