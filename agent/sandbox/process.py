"""One program from start to end: its output as it comes, limits that only an onlooker can keep, and nothing left over.

Knows no protection; what is started is a command line, with files to hand over.
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from megacontext.models.base import Cancel

Ended = Literal["", "time", "output", "memory", "processes", "cancelled"]
KEPT_BYTES = 400_000
"""Output kept of the beginning, and as much of the end."""
LOOK_S = 0.05
WATCH_S = 0.2
DRAIN_S = 2.0
MARK = "MEGACONTEXT_RUN"
"""Variable that tells strays of this run from other processes."""
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may take, all its processes together."""

    seconds: float
    output_bytes: int
    memory_bytes: int
    processes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended, and what it wrote."""

    status: int
    """Exit status; 128 + signal when it was killed."""
    head: bytes
    tail: bytes
    """What was written last, where the middle is missing; else empty."""
    total: int
    """Bytes written."""
    ended: Ended
    """Which limit ended it; "" when it ended by itself."""
    seconds: float
    failure: str
    """Why it could not be started; "" when it was."""


class Output:
    """The beginning and the end of what was written."""

    def __init__(self, kept: int = KEPT_BYTES, shown_at: int | None = None) -> None:
        """`shown_at` is a file descriptor that all of it is written to as it comes."""
        self.kept = kept
        self._shown_at = shown_at
        self.head = bytearray()
        self.tail = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        """More of it."""
        self.total += len(data)
        self._show(data)
        room = self.kept - len(self.head)
        self.head += data[:room]
        self.tail += data[room:] if room > 0 else data
        if len(self.tail) > 2 * self.kept:
            del self.tail[: -self.kept]

    def _show(self, data: bytes) -> None:
        if self._shown_at is None:
            return
        try:
            while data:
                data = data[os.write(self._shown_at, data) :]
        except OSError:
            self._shown_at = None  # nobody looks any more

    def parts(self) -> tuple[bytes, bytes]:
        """Beginning and end; no end when nothing is missing between them."""
        if self.total <= 2 * self.kept:
            return bytes(self.head + self.tail), b""
        return bytes(self.head), bytes(self.tail[-self.kept :])


def run(
    line: Sequence[str],
    limits: Limits,
    environment: Mapping[str, str],
    folder: Path,
    *,
    status_fd: int,
    handed: Sequence[int],
    cancel: Cancel | None = None,
    shown_at: int | None = None,
) -> Outcome:
    """Run a command line to its end.

    `handed` are file descriptors for it; the last one is where it tells `status_fd` that it is "ready", or why it could
    not start.
    """
    started = time.monotonic()
    mark = os.urandom(8).hex()
    process = subprocess.Popen(
        line,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**environment, MARK: mark},
        cwd=folder,
        start_new_session=True,
        pass_fds=handed,
    )
    assert process.stdout is not None
    output = Output(shown_at=shown_at)
    family = Family(process.pid, mark)
    try:
        ended = _watch(process, process.stdout, output, limits, family, started, cancel)
    finally:
        family.end()
        status = process.wait()
        _drain(process.stdout, output)
        process.stdout.close()
    told = _told(status_fd)
    head, tail = output.parts()
    if not told and not ended:
        told = head.decode("utf-8", "replace").strip()[-500:] or f"it ended with status {status}"
    return Outcome(
        status if status >= 0 else 128 - status,
        head,
        tail,
        output.total,
        ended,
        time.monotonic() - started,
        "" if told.startswith("ready") or ended else told,
    )


def _told(status_fd: int) -> str:
    os.set_blocking(status_fd, False)
    try:
        return os.read(status_fd, 1_000).decode("utf-8", "replace")
    except BlockingIOError:
        return ""


def _watch(
    process: "subprocess.Popen[bytes]",
    stdout: IO[bytes],
    output: Output,
    limits: Limits,
    family: "Family",
    started: float,
    cancel: Cancel | None,
) -> Ended:
    os.set_blocking(stdout.fileno(), False)
    looked = started
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while True:
            if selector.select(LOOK_S):
                data = os.read(stdout.fileno(), 1 << 18)
                output.add(data)
                if not data:
                    # Whoever closed all outputs may still work on.
                    selector.unregister(stdout)
            now = time.monotonic()
            if output.total > limits.output_bytes:
                return "output"
            if process.poll() is not None:
                return ""
            if cancel is not None and cancel.is_set():
                return "cancelled"
            if now - started > limits.seconds:
                return "time"
            if now - looked > WATCH_S:
                looked = now
                processes, memory = family.look()
                if processes > limits.processes:
                    return "processes"
                if memory > limits.memory_bytes:
                    return "memory"
            if not selector.get_map():
                time.sleep(LOOK_S)


def _drain(stdout: IO[bytes], output: Output) -> None:
    """What is left in the pipe, now that everybody who wrote into it is gone."""
    deadline = time.monotonic() + DRAIN_S
    with suppress(BlockingIOError):
        while time.monotonic() < deadline and (data := os.read(stdout.fileno(), 1 << 18)):
            output.add(data)


class Family:
    """A process and its descendants, also those that left its session. Knows them by /proc; without it, the session."""

    def __init__(self, pid: int, mark: str) -> None:
        self.pid = pid
        self._mark = f"{MARK}={mark}".encode()
        self._seen: set[tuple[int, int]] = set()
        """Process and start time: a number alone may be given to another process."""

    def look(self) -> tuple[int, int]:
        """How many there are, and bytes of memory they take for themselves."""
        table = _processes()
        members = {pid for pid, each in table.items() if (pid, each.born) in self._seen}
        members |= {self.pid} & table.keys()
        while new := {
            pid for pid, each in table.items() if each.parent in members and pid not in members
        }:
            members |= new
        self._seen |= {(pid, table[pid].born) for pid in members}
        return len(members), sum(map(_memory, members))

    def end(self) -> None:
        """Kill them all, those as well that ran away from their session and their parents."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        deadline = time.monotonic() + DRAIN_S
        while (strays := self._strays()) and time.monotonic() < deadline:
            for pid in strays:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def _strays(self) -> list[int]:
        return [
            pid
            for pid, each in _processes().items()
            if not each.dead
            and pid != self.pid
            and ((pid, each.born) in self._seen or self._bears_mark(pid))
        ]

    def _bears_mark(self, pid: int) -> bool:
        try:
            return self._mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class _Process:
    parent: int
    born: int
    """Clock ticks since the machine started."""
    dead: bool


def _processes() -> dict[int, _Process]:
    """Every process that can be seen; none where there is no /proc."""
    found = {}
    with suppress(OSError):
        for entry in os.scandir("/proc"):
            if entry.name.isdecimal():
                with suppress(OSError, ValueError, IndexError):
                    # The name, in brackets, may hold anything.
                    fields = Path(entry.path, "stat").read_bytes().rpartition(b")")[2].split()
                    dead = fields[0] in (b"Z", b"X")
                    found[int(entry.name)] = _Process(int(fields[1]), int(fields[19]), dead)
    return found


def _memory(pid: int) -> int:
    """Resident bytes that are not shared with files."""
    try:
        resident, shared = Path(f"/proc/{pid}/statm").read_bytes().split()[1:3]
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE


def own_processes() -> int:
    """Threads of this user's processes, which the kernel counts as processes."""
    count, user = 0, os.getuid()
    with suppress(OSError):
        for entry in os.scandir("/proc"):
            with suppress(OSError, ValueError, IndexError):
                if entry.name.isdecimal() and entry.stat().st_uid == user:
                    stat = Path(entry.path, "stat").read_bytes()
                    count += int(stat.rpartition(b")")[2].split()[17])
    return count
