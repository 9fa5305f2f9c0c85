"""From file events to fresh memory: one thread that applies coalesced changes and says how long it took."""

import sys
import threading
import time
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from megacontext.configs.errors import MegaContextError, RepositoryError

from ..ingest import Ingest, IngestReport
from ..listing import has_git, ignored_by_git, is_utf8, list_files
from .folders import folders_to_watch
from .pending import Changes, PendingChanges

SLEPT_S = 5.0
"""When the wall clock runs this far ahead of the monotonic clock, the machine has slept."""
CHECK_SLEEP_S = 30.0
IGNORE_FILES = frozenset({".gitignore"})


class EventSource(Protocol):
    """Reports changes into the pending changes it was made with."""

    def start(self) -> None:
        """Begin to report."""

    def watch(self, folders: AbstractSet[str]) -> None:
        """Report what changes directly in these folders, and in no others."""

    def stop(self) -> None:
        """Report nothing any more."""


@dataclass(frozen=True)
class Batch:
    """One batch of changes that memory has taken in."""

    report: IngestReport
    latency_s: float
    """From the first change to the commit, the debounce window included."""
    window_s: float
    """How much of it was waiting for the burst to end."""


class Watcher:
    """Keeps the memory of one repository fresh until it is stopped."""

    def __init__(
        self,
        ingest: Ingest,
        window_s: float,
        on_batch: Callable[[Batch], None],
        on_error: Callable[[MegaContextError], None],
    ) -> None:
        """`on_batch` and `on_error` are called on the watcher's thread."""
        self.ingest = ingest
        self._pending = PendingChanges(window_s)
        self._on_batch = on_batch
        self._on_error = on_error
        self._source = _event_source(ingest, self._pending)
        self._git = has_git(ingest.root)
        self._behind = False
        self._thread = threading.Thread(target=self._work, name="watch", daemon=True)

    def start(self, *, compare: bool = True) -> None:
        """Watch, then compare once, so that nothing between the last index and now is missed.

        Without `compare`, only what changes from now on is taken in.

        Raises RepositoryError when the files cannot be listed, StoreError when the system allows no more watches.
        """
        self._source.start()
        try:
            self._look_over_folders()
        except BaseException:
            self._source.stop()
            raise
        if compare:
            self._pending.add_everything()
        self._thread.start()

    def _look_over_folders(self) -> None:
        root = self.ingest.root
        self._source.watch(folders_to_watch(root, list_files(root)))

    def notice(self, paths: Iterable[str]) -> None:
        """Look at these paths as if they had changed on disk: what is read in their place has."""
        for path in paths:
            self._pending.add(path)

    def stop(self) -> None:
        """Stop after the batch under way."""
        self._pending.close()
        self._source.stop()
        self._thread.join()

    def _work(self) -> None:
        skew = time.time() - time.monotonic()
        while not self._pending.closed:
            changes = self._pending.take(CHECK_SLEEP_S)
            now = time.time() - time.monotonic()
            if now - skew > SLEPT_S:
                self._pending.add_everything()
            skew = now
            if changes is None and self._behind and not self._pending.closed:
                changes = Changes(everything=True, first=time.monotonic())
            if changes is not None:
                self._apply(changes)

    def _apply(self, changes: Changes) -> None:
        begun = time.monotonic()
        try:
            report = self._take_in(changes)
        except (MegaContextError, OSError) as exc:
            self._behind = True
            self._on_error(
                exc
                if isinstance(exc, MegaContextError)
                else RepositoryError(f"cannot read {self.ingest.root}: {exc}")
            )
            return
        self._behind = False
        if report.touched:
            self._on_batch(Batch(report, time.monotonic() - changes.first, begun - changes.first))

    def _take_in(self, changes: Changes) -> IngestReport:
        ignores = any(PurePosixPath(path).name in IGNORE_FILES for path in changes.paths)
        if changes.folders or ignores or self._behind:
            # Watch first, compare later: what is made in between is seen by one of the two.
            self._look_over_folders()
        elif not changes.everything:
            wanted = self._wanted(changes.paths)
            if wanted is not None:
                return self.ingest.apply(wanted)
        return self.ingest.reconcile()

    def _wanted(self, paths: frozenset[str]) -> list[str] | None:
        """The paths to read again; None when only a comparison of everything can tell."""
        # What is indexed needs no question; of the rest, git knows what is ignored.
        new = [path for path in paths if is_utf8(path) and not self.ingest.knows(path)]
        if new and not self._git:
            return None
        try:
            ignored = ignored_by_git(self.ingest.root, new) if new else set()
        except RepositoryError:
            return None
        return sorted({path for path in paths if is_utf8(path)} - ignored)


def _event_source(ingest: Ingest, pending: PendingChanges) -> EventSource:
    if sys.platform == "linux":
        from .linux import InotifySource

        return InotifySource(ingest.root, pending)
    else:  # noqa: RET505 - the type checker reads only one of the two
        from .portable import ObserverSource

        return ObserverSource(ingest.root, pending)
