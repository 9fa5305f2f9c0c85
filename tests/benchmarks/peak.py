"""How much memory a program takes at most, with everything it starts.

It is looked at often; what comes and goes between two looks is not seen.
"""

import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

LOOK_S = 0.05
MIB = 1 << 20


class PeakMemory:
    """Of a process and its children, while it is entered; pages that they share count once."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.mib = 0.0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.is_set():
            self.mib = max(self.mib, self._now() / MIB)
            self._ended.wait(LOOK_S)

    def _now(self) -> int:
        total = 0
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            for process in (self._process, *self._process.children(recursive=True)):
                # One that has just ended takes nothing, and the others still count.
                with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    total += process.memory_full_info().pss
        return total


def run_watched(command: Sequence[str | Path]) -> tuple[str, float]:
    """What a command prints, and its peak in MiB. Raises CalledProcessError when it fails."""
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child,
        PeakMemory(child.pid) as peak,
    ):
        assert child.stdout is not None, "it was asked for"
        said = child.stdout.read()
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, child.args, said)
    return said, peak.mib
