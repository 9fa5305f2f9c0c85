"""inotify through watchdog's own reader thread: one descriptor, one watch a folder, overflow reported.

watchdog's recursive observer registers every folder below a root, ignored or not, and tells nobody when the kernel
drops events; its `InotifyFD` below that does what is needed.
"""

import itertools
import os
import threading
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
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

from ..listing import ALWAYS_IGNORED, TOOL_FOLDERS
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
        try:
            self._fd = InotifyFD()
        except OSError as exc:
            raise _not_allowed(root, exc) from exc
        self._lock = threading.Lock()
        self._ids = itertools.count()
        self._paths: dict[WatchDescriptor, str] = {}
        # A folder that was moved keeps its descriptor until the move is read, so a name has a callback of its own.
        self._watches: dict[str, tuple[WatchDescriptor, CallbackId]] = {}

    def start(self) -> None:
        """Begin to report; nothing is watched yet."""
        self._fd.start()

    def watch(self, folders: AbstractSet[str]) -> None:
        """Watch exactly these folders, relative to the root.

        Raises StoreError when the system allows no more watches.
        """
        self._unwatch(self.watched - folders)
        for folder in sorted(folders):
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
            path = self.root / folder
            if folder in self._watches or not os.access(path, os.R_OK):
                return
            id_ = CallbackId(next(self._ids))
            try:
                wd = self._fd.add_callback(os.fsencode(path), EVENTS, self, id_)
            except (FileNotFoundError, NotADirectoryError):
                return
            except OSError as exc:
                raise _not_allowed(path, exc) from exc
            self._paths[wd] = folder
            self._watches[folder] = wd, id_

    def _unwatch(self, folders: Iterable[str]) -> None:
        with self._lock:
            watches = [self._watches.pop(path) for path in folders if path in self._watches]
            kept = {wd for wd, _ in self._watches.values()}
            for wd, _ in watches:
                if wd not in kept:
                    self._paths.pop(wd, None)
        self._fd.remove_callbacks(watches)

    def _inside(self, folder: str) -> list[str]:
        with self._lock:
            return [
                path for path in self._watches if path == folder or path.startswith(folder + "/")
            ]

    def on_event(self, event: InotifyEvent) -> None:
        """One event of the kernel, on the reader's thread."""
        with self._lock:
            folder = self._paths.get(event.wd)
        if folder is None or not event.name:
            return
        name = os.fsdecode(event.name)
        path = f"{folder}/{name}" if folder else name
        if not event.is_directory:
            self._pending.add(path)
            return
        if name in ALWAYS_IGNORED | TOOL_FOLDERS:
            return
        if event.is_moved_from:
            self._unwatch(self._inside(path))
        if event.is_moved_from or event.is_moved_to or event.is_create or event.is_delete:
            self._pending.add_everything(folders=True)

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """A watched folder is gone."""
        with self._lock:
            self._paths.pop(wd, None)
            gone = [path for path, (known, _) in self._watches.items() if known == wd]
            for path in gone:
                del self._watches[path]

    def on_queue_overflow(self) -> None:
        """The kernel dropped events."""
        self._pending.add_everything(folders=True)


def _not_allowed(path: Path, exc: OSError) -> StoreError:
    return StoreError(
        f"cannot watch {path}: {exc.strerror}; raise fs.inotify.max_user_watches (or max_user_instances), "
        "or leave folders out with .gitignore"
    )
