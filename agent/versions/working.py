"""The working state of a repository's memory as a tree of files: what a snapshot would hold now.

`repository/PATH` are the files that memory holds, `sessions/ID/…` the conversations, `packs/NAME.mount.json` what is
mounted. What memory leaves out, such as secrets, is in no snapshot.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from megacontext.memory.ingest.report import OnProgress, Progress
from megacontext.memory.memory import Memory
from megacontext.memory.packs.mounts import mounts_of
from megacontext.memory.tree.keys import digest
from megacontext.memory.versions.cutting import cuts
from megacontext.memory.versions.objects import Kind, Objects
from megacontext.memory.versions.trees import Trees

from ..chat.sessions.recording import FILE as EVENTS
from ..chat.sessions.store import ID, RECORDS
from .parts import MOUNT, PACKS, REPOSITORY, SESSIONS

KEEPING = "keeping texts"


class Working:
    """The state of one memory, that was brought up to date."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.places = memory.places

    def keys(self) -> dict[str, bytes]:
        """Digest of every file, by path. Texts of the repository are not read: memory knows their digests."""
        return self._keys(dict(self._others()))

    def _keys(self, others: Mapping[str, bytes]) -> dict[str, bytes]:
        with self.memory.reading():
            files = {REPOSITORY + f.path: f.digest for f in self.memory.catalogue.files()}
        return files | {path: digest(data) for path, data in others.items()}

    def _others(self) -> Iterator[tuple[str, bytes]]:
        folder = self.places.state / "sessions"
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if not ID.fullmatch(path.name) or path.is_symlink():
                continue
            for name in (RECORDS, EVENTS):
                if data := _whole_lines(path / name):
                    yield f"{SESSIONS}{path.name}/{name}", data
        for each in mounts_of(self.places):
            yield f"{PACKS}{each.name}{MOUNT}", json.dumps(asdict(each), indent=1).encode()

    def text(self, path: str) -> bytes | None:
        """A file as it is now; None when it is gone, or left out by now."""
        if path.startswith(REPOSITORY):
            return self.memory.read(path.removeprefix(REPOSITORY))
        if path.startswith(SESSIONS):
            return _whole_lines(self.places.state / path) or None
        return dict(self._others()).get(path)

    def keep(self, objects: Objects, on_progress: OnProgress | None = None) -> bytes:
        """Keep texts and tree in the store; the root. Only what the store lacks is read."""
        others = dict(self._others())
        keys = self._keys(others)
        with objects.writing():
            missing = objects.missing(Kind.FILE, keys.values())
            paths = [path for path, key in keys.items() if key in missing]
            for done, path in enumerate(paths):
                data = others[path] if path in others else self.text(path)
                if data is None:
                    del keys[path]
                else:
                    # It may have changed since memory looked: it is kept as it is.
                    keys[path] = objects.put_file(data, self._cuts(path, data, keys[path]))
                if on_progress is not None:
                    on_progress(Progress(KEEPING, done + 1, len(paths)))
            return Trees(objects).write(keys)

    def _cuts(self, path: str, data: bytes, key: bytes) -> list[int]:
        if path.startswith(REPOSITORY) and digest(data) == key:
            with self.memory.reading():
                record = self.memory.catalogue.file(path.removeprefix(REPOSITORY))
                if record is not None and record.digest == key:
                    return [chunk.end for chunk in self.memory.catalogue.chunks_of(record.id)]
        return cuts(path, data)


def _whole_lines(path: Path) -> bytes:
    """A file of records without a line that somebody may be writing; b"" for none."""
    with suppress(OSError):
        if not (path.is_symlink() or path.parent.is_symlink()):
            data = path.read_bytes()
            return data[: data.rfind(b"\n") + 1]
    return b""
