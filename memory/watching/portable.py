"""watchdog's own observer, for systems where watching a tree is one call to the kernel (macOS, Windows)."""

from collections.abc import Set as AbstractSet
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from ..listing import ALWAYS_IGNORED, TOOL_FOLDERS
from .pending import PendingChanges


class ObserverSource(FileSystemEventHandler):
    """Reports changes below a root into `PendingChanges`."""

    def __init__(self, root: Path, pending: PendingChanges) -> None:
        self.root = root
        self._pending = pending
        self._observer = Observer()

    def start(self) -> None:
        """Watch the whole root."""
        self._observer.schedule(self, str(self.root), recursive=True)
        self._observer.start()

    def watch(self, folders: AbstractSet[str]) -> None:
        """Nothing to do: the whole root is watched."""

    def stop(self) -> None:
        """Watch nothing any more."""
        self._observer.stop()
        self._observer.join()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """One event, on the observer's thread."""
        if event.event_type in ("opened", "closed_no_write"):
            return
        for changed in (event.src_path, event.dest_path):
            if not changed:
                continue
            path = Path(str(changed)).relative_to(self.root).as_posix()
            if (ALWAYS_IGNORED | TOOL_FOLDERS).isdisjoint(path.split("/")):
                if event.is_directory and event.event_type != "modified":
                    self._pending.add_everything(folders=True)
                elif not event.is_directory:
                    self._pending.add(path)
