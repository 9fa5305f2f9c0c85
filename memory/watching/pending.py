"""Changes that wait to be read: coalesced, debounced. Knows no file system."""

import threading
import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Changes:
    """What happened since the last time somebody asked."""

    paths: frozenset[str] = frozenset()
    """Relative paths that were written, moved or deleted."""
    everything: bool = False
    """Too much to look at one by one: compare the whole repository."""
    folders: bool = False
    """A folder came or went, or events were lost: look over what is watched, too."""
    first: float = field(default=0.0, compare=False)
    """`time.monotonic()` of the earliest change."""


class PendingChanges:
    """Filled by watching threads, emptied by one working thread."""

    BURST = 256
    """More paths than this are quicker compared by one scan."""
    LONGEST_WAIT = 20
    """A burst that does not end is cut after this many windows."""

    def __init__(self, window_s: float) -> None:
        """`window_s`: how long nothing must happen before the changes are given out."""
        self._window_s = window_s
        self._changed = threading.Condition()
        self._paths: set[str] = set()
        self._everything = False
        self._folders = False
        self._first = 0.0
        self._latest = 0.0
        self._closed = False

    def add(self, path: str) -> None:
        """Note one changed path."""
        with self._changed:
            self._note()
            self._paths.add(path)

    def add_everything(self, *, folders: bool = False) -> None:
        """Note that anything may have changed, maybe even which folders there are."""
        with self._changed:
            self._note()
            self._everything = True
            self._folders = self._folders or folders

    def close(self) -> None:
        """Wake the working thread for good."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _note(self) -> None:
        self._latest = time.monotonic()
        if not self._paths and not self._everything:
            self._first = self._latest
        self._changed.notify_all()

    def take(self, timeout_s: float | None = None) -> Changes | None:
        """Wait for changes and for the window of quiet after them.

        None when `timeout_s` passed without a change, or after `close`.
        """
        with self._changed:
            ready = self._changed.wait_for(
                lambda: self._closed or self._paths or self._everything, timeout_s
            )
            if not ready or self._closed:
                return None
            limit = self._first + self._window_s * self.LONGEST_WAIT
            while (
                rest := min(self._latest + self._window_s, limit) - time.monotonic()
            ) > 0 and not self._closed:
                self._changed.wait(rest)
            taken = Changes(
                frozenset(self._paths),
                self._everything or len(self._paths) > self.BURST,
                self._folders,
                self._first,
            )
            self._paths, self._everything, self._folders = set(), False, False
            return taken

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed
