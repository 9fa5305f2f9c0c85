"""A disk that fails at a chosen step: under the level files and under SQLite of the process that it is put into.

A *step* is one write, truncation, sync or deletion of a file of the memory, counted from the start of the process.
So a fault is reproducible: the same work, the same plan, the same state that is left. What has not been synced is
known sector by sector, so that a loss of power can undo any part of it.
"""

import errno
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NoReturn, Protocol

from . import sqlite_files

SECTOR = 512


class Fault(StrEnum):
    """What happens at the step."""

    KILLED = "killed before a write"
    CUT = "a write cut short, then killed"
    TORN = "a write of which some sectors arrive, then killed"
    SHORT = "short writes of level files, all from here on"
    FULL = "no room, until the writer has given up"
    FAILED = "an input/output error"
    LOST = "a loss of power: what was not synced arrives in part"
    UNSYNCED = "the same on a disk that never synced the level files"


@dataclass(frozen=True)
class Plan:
    """Which fault, at which step; `seed` draws what a fault leaves to chance."""

    fault: Fault
    step: int
    seed: int = 0


class OpenFile(Protocol):
    """One file of the memory, as this disk reaches it past itself."""

    @property
    def path(self) -> Path: ...
    def read(self, offset: int, size: int) -> bytes: ...
    def write(self, offset: int, data: bytes) -> int: ...
    def truncate(self, size: int) -> None: ...
    def sync(self) -> None: ...
    def size(self) -> int: ...


@dataclass(frozen=True)
class LevelHandle:
    """A level file by its descriptor."""

    path: Path
    fd: int

    def read(self, offset: int, size: int) -> bytes:
        return _PREAD(self.fd, size, offset)

    def write(self, offset: int, data: bytes) -> int:
        return _PWRITE(self.fd, data, offset)

    def truncate(self, size: int) -> None:
        _FTRUNCATE(self.fd, size)

    def sync(self) -> None:
        """Nothing: what a loss of power takes is decided by this disk, and the real one is slow."""

    def size(self) -> int:
        return os.fstat(self.fd).st_size


@dataclass
class Unsynced:
    """A file as it was when it was last synced, as far as it was written since."""

    size: int
    sectors: dict[int, bytes] = field(default_factory=dict)


class Disk:
    """Counts steps, and lets the plan happen. One thread writes."""

    def __init__(self, plan: Plan | None) -> None:
        """Without a plan it counts alone."""
        self.plan = plan
        self.steps = 0
        self._unsynced: dict[Path, Unsynced] = {}
        self._chance = random.Random(plan.seed if plan else 0)

    def put_in(self) -> None:
        """Stand under everything that this process writes into memories from now on."""
        sqlite_files.watch(self)
        os.pwrite = _for_levels(self._pwrite, _PWRITE)  # type: ignore[assignment]
        os.ftruncate = _for_levels(self.truncate, _FTRUNCATE)
        os.fdatasync = _for_levels(self.sync, os.fdatasync)

    def heal(self) -> None:
        """Nothing fails any more: there is room again."""
        self.plan = None

    # What files go through

    def write(self, file: OpenFile, offset: int, data: bytes) -> int:
        """Write, and say how much was written; raises the OSError of the plan."""
        fault = self._next()
        if fault in (Fault.CUT, Fault.FULL) and self._is_first():
            self._put(file, offset, data[: self._chance.randrange(len(data))])
        if fault is Fault.TORN:
            for start in range(0, len(data), SECTOR):
                if self._chance.random() < 0.5:
                    self._put(file, offset + start, data[start : start + SECTOR])
        self._happen(fault)
        if fault is Fault.SHORT and isinstance(file, LevelHandle):
            data = data[: self._chance.randrange(1, len(data) + 1)]
        return self._put(file, offset, data)

    def _pwrite(self, file: OpenFile, data: bytes, offset: int) -> int:
        return self.write(file, offset, bytes(data))

    def truncate(self, file: OpenFile, size: int) -> None:
        """Cut a file, or fail."""
        self._happen(self._next())
        self._remember(file, size, file.size())
        file.truncate(size)

    def sync(self, file: OpenFile) -> None:
        """Make durable what was written, or fail."""
        fault = self._next()
        self._happen(fault)
        file.sync()
        lies = self.plan is not None and self.plan.fault is Fault.UNSYNCED
        if not (lies and isinstance(file, LevelHandle)):
            self._unsynced.pop(file.path, None)

    def delete(self, path: Path) -> None:
        """A file is about to be deleted."""
        self._happen(self._next())
        self._unsynced.pop(path, None)

    # What becomes of a step

    def _next(self) -> Fault | None:
        self.steps += 1
        if self.plan is None or self.steps < self.plan.step:
            return None
        lasts = self.plan.fault in (Fault.FULL, Fault.SHORT)
        return self.plan.fault if lasts or self._is_first() else None

    def _is_first(self) -> bool:
        return self.plan is not None and self.steps == self.plan.step

    def _happen(self, fault: Fault | None) -> None:
        match fault:
            case Fault.KILLED | Fault.CUT | Fault.TORN:
                _die()
            case Fault.LOST | Fault.UNSYNCED:
                self._lose_power()
            case Fault.FULL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            case Fault.FAILED:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _put(self, file: OpenFile, offset: int, data: bytes) -> int:
        self._remember(file, offset, offset + len(data))
        return file.write(offset, data)

    def _remember(self, file: OpenFile, start: int, end: int) -> None:
        """Keep the sectors between two places as they are, unless they are known from before."""
        unsynced = self._unsynced.setdefault(file.path, Unsynced(file.size()))
        for sector in range(start // SECTOR, -(-end // SECTOR)):
            if sector not in unsynced.sectors:
                old = file.read(sector * SECTOR, SECTOR)
                unsynced.sectors[sector] = old.ljust(SECTOR, b"\0")

    def _lose_power(self) -> NoReturn:
        assert self.plan is not None, "the plan said so"
        for path, was in self._unsynced.items():
            # What is worst for a disk that never synced the level files: all that relies on them has arrived.
            arrived = self.plan.fault is Fault.UNSYNCED and path.suffix != ".ctx"
            if not arrived:
                self._undo(path, was, self._chance.choice((0.0, 0.5, 0.9, 1.0)))
        _die()

    def _undo(self, path: Path, was: Unsynced, kept: float) -> None:
        with path.open("r+b") as file:
            now = file.seek(0, os.SEEK_END)
            for sector, old in was.sectors.items():
                if self._chance.random() >= kept:
                    file.seek(sector * SECTOR)
                    file.write(old)
            between = self._chance.randint(*sorted((was.size, now)))
            file.truncate(now if kept == 1.0 else self._chance.choice((was.size, now, between)))


_PREAD, _PWRITE, _FTRUNCATE = os.pread, os.pwrite, os.ftruncate


def _for_levels(act: Callable[..., int | None], otherwise: Callable[..., int | None]):  # type: ignore[no-untyped-def]
    """`act` for the descriptors of level files, the real function for all others."""

    def call(fd: int, *values: object) -> int | None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        if path.suffix != ".ctx":
            return otherwise(fd, *values)
        return act(LevelHandle(path, fd), *values)

    return call


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("nobody outlives this")
