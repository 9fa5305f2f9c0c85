"""Packs that are mounted beside one repository: a record of names, and the packs themselves, open while they are in it.

Mounting writes the record and nothing else: a pack lies once on a machine, however many repositories mount it.
"""

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from megacontext.configs.errors import PackError, StoreError

from ..places import Places
from .manifest import Manifest
from .pack_memory import PackMemory
from .store import PackStore
from .unpacking import Reader

RECORD = "packs.json"


@dataclass(frozen=True, slots=True)
class Mount:
    """One mounted pack."""

    id: str
    name: str
    version: str
    root: str
    """Merkle root of its texts."""
    share: float | None = None
    """Of a budget that it may take at most; None: what is there for packs."""

    @classmethod
    def of(cls, manifest: Manifest, share: float | None = None) -> "Mount":
        """The record of a pack."""
        return cls(manifest.id, manifest.name, manifest.version, manifest.root, share)

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.name}@{self.version}"


@dataclass(frozen=True, slots=True)
class Mounted:
    """A mounted pack, open."""

    mount: Mount
    memory: PackMemory


def mounts_of(places: Places) -> list[Mount]:
    """The mounted packs of a repository, by name; raises PackError when the record cannot be read."""
    path = places.state / RECORD
    try:
        found = [Mount(**each) for each in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError) as exc:
        raise PackError(f"{path} cannot be read as a list of packs; mend or delete it") from exc
    return sorted(found, key=lambda mount: (mount.name, mount.version))


def mount(places: Places, added: Mount) -> Mount | None:
    """Mount a pack in place of another one of its name, which is given back."""
    before = mounts_of(places)
    kept = [each for each in before if each.name != added.name]
    _write(places, [*kept, added])
    return next((each for each in before if each.name == added.name), None)


def unmount(places: Places, wanted: str) -> Mount:
    """Take a pack, by NAME or NAME@VERSION, from beside a repository; raises PackError when it is not mounted."""
    before = mounts_of(places)
    found = next((each for each in before if wanted in (each.name, each.label)), None)
    if found is None:
        raise PackError(f"{wanted} is not mounted here; `megacontext pack list` shows what is")
    _write(places, [each for each in before if each is not found])
    return found


def _write(places: Places, mounts: Sequence[Mount]) -> None:
    places.make_state_folder()
    path = places.state / RECORD
    part = path.with_suffix(f".{os.getpid()}")
    try:
        part.write_text(json.dumps([asdict(each) for each in mounts], indent=1), encoding="utf-8")
        part.replace(path)
    except OSError as exc:
        raise PackError(f"{path} cannot be written: {exc.strerror}") from exc


class Mounts:
    """What is mounted beside one repository, opened when it is first asked for. Follows the record as it changes."""

    def __init__(self, places: Places, store: PackStore, reader: Reader) -> None:
        self.store = store
        self.problems: tuple[str, ...] = ()
        """Why a mounted pack cannot be read, for people."""
        self._places = places
        self._reader = reader
        self._open: dict[str, PackMemory] = {}
        self._mounted: tuple[Mounted, ...] = ()
        self._seen: tuple[int, int] | None = None
        self._turn = threading.Lock()

    def mounted(self) -> tuple[Mounted, ...]:
        """Every mounted pack that can be read, by name. Costs a look at the record's time stamp."""
        with self._turn:
            seen = _stamp(self._places.state / RECORD)
            if seen != self._seen:
                self._follow()
                self._seen = seen
            return self._mounted

    def _follow(self) -> None:
        problems: list[str] = []
        found: list[Mounted] = []
        try:
            mounts = mounts_of(self._places)
        except PackError as exc:
            mounts = []
            problems.append(str(exc))
        for each in mounts:
            try:
                found.append(Mounted(each, self._opened(each)))
            except (PackError, StoreError) as exc:
                problems.append(f"{each.label} is mounted and cannot be read: {exc}")
        self._mounted, self.problems = tuple(found), tuple(problems)

    def _opened(self, wanted: Mount) -> PackMemory:
        # One that was unmounted stays open: an answer that began before may still read it.
        if wanted.id not in self._open:
            stored = self.store.get(wanted.id)
            if stored is None:
                raise PackError("it is not on this machine; `megacontext pack add` its file again")
            self._open[wanted.id] = stored.open(self._reader)
        return self._open[wanted.id]

    def close(self) -> None:
        """Close every pack."""
        with self._turn:
            while self._open:
                self._open.popitem()[1].close()
            self._mounted, self._seen = (), None


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
