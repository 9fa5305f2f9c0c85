"""inotify through watchdog's own reader thread: one descriptor, one watch a folder, overflow reported.

watchdog's recursive observer registers every folder below a root, ignored or not, and tells nobody when the kernel
drops events; its `InotifyFD` below that does what is needed.
"""

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

from megacontext.configs.errors import StoreError

from .folders import folders_to_watch
from .pending import PendingChanges

EVENTS = Mask(
    InotifyConstants.IN_MODIFY
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_CREATE
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_MOVED_FROM
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_ATTRIB
    | InotifyConstants.IN_DONT_FOLLOW
    | InotifyConstants.IN_ONLYDIR
)


class InotifySource:
    """Reports changes below a root into `PendingChanges`."""

    def __init__(self, root: Path, pending: PendingChanges) -> None:
        self.root = root
        self._pending = pending
        self._fd = InotifyFD()
        self._lock = threading.Lock()
        self._paths: dict[WatchDescriptor, str] = {}
        self._watches: dict[str, WatchDescriptor] = {}

    def start(self, folders: Iterable[str]) -> None:
        """Watch `folders`, relative to the root.

        Raises StoreError when the system allows no more watches.
        """
        self._fd.start()
        for folder in folders:
            self._watch(folder)

    def stop(self) -> None:
        """Watch nothing any more."""
        self._fd.stop()
        self._fd.join()

    @property
    def watched(self) -> set[str]:
        """Folders that are watched now."""
        with self._lock:
            return set(self._watches)

    def _watch(self, folder: str) -> None:
        with self._lock:
            if folder in self._watches:
                return
            try:
                wd = self._fd.add_callback(
                    os.fsencode(self.root / folder), EVENTS, self, CallbackId(id(self))
                )
            except FileNotFoundError:
                return
            except NotADirectoryError:
                return
            except OSError as exc:
                raise StoreError(
                    f"cannot watch {self.root / folder}: {exc.strerror}; raise fs.inotify.max_user_watches, "
                    "or leave folders out with memory.exclude_patterns"
                ) from exc
            self._paths[wd] = folder
            self._watches[folder] = wd

    def _unwatch(self, folder: str) -> None:
        with self._lock:
            inner = folder + "/"
            lost = [path for path in self._watches if path == folder or path.startswith(inner)]
            watches = [self._watches.pop(path) for path in lost]
            for wd in watches:
                self._paths.pop(wd, None)
        self._fd.remove_callbacks([(wd, CallbackId(id(self))) for wd in watches])

    def on_event(self, event: InotifyEvent) -> None:
        """One event of the kernel, on the reader's thread."""
        with self._lock:
            folder = self._paths.get(event.wd)
        if folder is None or not event.name:
            return
        path = f"{folder}/{os.fsdecode(event.name)}" if folder else os.fsdecode(event.name)
        if not event.is_directory:
            self._pending.add(path)
            return
        if event.is_moved_from:
            self._unwatch(path)
        elif event.is_create or event.is_moved_to:
            # Watch first, compare later: what is created in between is seen by one of the two.
            for inner in folders_to_watch(self.root, path):
                self._watch(inner)
        elif not event.is_delete:
            return
        self._pending.add_everything()

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """A watched folder is gone."""
        with self._lock:
            folder = self._paths.pop(wd, None)
            if folder is not None and self._watches.get(folder) == wd:
                del self._watches[folder]

    def on_queue_overflow(self) -> None:
        """The kernel dropped events."""
        self._pending.add_everything()
