"""Files to chunks: a few of them here, many in processes of their own.

Cutting holds the interpreter; a screen or an editor that shares it must not wait for thousands of files. Knows no
database.
"""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import chain
from queue import SimpleQueue

from ..chunking import ChunkedFile, chunk_file
from .reading import FileText

MANY = 256
"""Fewer files are cut before a process has started."""
MOST_PROCESSES = 4
AT_ONCE = 8
"""Files that go to a process together."""


class Cutter:
    """Cuts files into chunks in this process, as results are taken."""

    def cut(self, files: Sequence[FileText]) -> Iterator[ChunkedFile]:
        """One result for each file, in their order."""
        return (chunk_file(file.path, file.data) for file in files)


class ParallelCutter(Cutter):
    """Cuts files in other processes, all the time."""

    def __init__(self, processes: int) -> None:
        self._processes = [_Process() for _ in range(processes)]
        self._idle: SimpleQueue[_Process] = SimpleQueue()
        for process in self._processes:
            self._idle.put(process)
        self._pool = ThreadPoolExecutor(processes, "cut")

    def cut(self, files: Sequence[FileText]) -> Iterator[ChunkedFile]:
        """One result for each file, in their order; begins at once."""
        parts = [files[start : start + AT_ONCE] for start in range(0, len(files), AT_ONCE)]
        return chain.from_iterable(self._pool.map(self._cut_part, parts))

    def _cut_part(self, files: Sequence[FileText]) -> list[ChunkedFile]:
        process = self._idle.get()
        try:
            return process.cut([(file.path, file.data) for file in files])
        finally:
            self._idle.put(process)

    def close(self) -> None:
        """End the processes, whatever they do."""
        for process in self._processes:
            process.end()
        self._pool.shutdown(cancel_futures=True)
        for process in self._processes:
            process.close()


class _Process:
    """Another interpreter that cuts. It ends with this one, because then its pipe does."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-m", "megacontext.memory.chunking.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,  # Ctrl-C is for the parent
        )

    def cut(self, files: list[tuple[str, bytes]]) -> list[ChunkedFile]:
        asked, answered = self._popen.stdin, self._popen.stdout
        assert asked is not None
        assert answered is not None
        try:
            pickle.dump(files, asked)
            asked.flush()
            found: list[ChunkedFile] = pickle.load(answered)
        except (OSError, EOFError, pickle.UnpicklingError):
            # It never started, or the system took it away, perhaps for its memory.
            return [chunk_file(path, data) for path, data in files]
        return found

    def end(self) -> None:
        self._popen.kill()

    def close(self) -> None:
        with suppress(OSError):  # what was not sent any more
            self._popen.communicate()


@contextmanager
def cutter_for(count: int) -> Iterator[Cutter]:
    """What cuts so many files; its processes end with the block."""
    cutter = _parallel() if count > MANY else None
    try:
        yield cutter or Cutter()
    finally:
        if cutter:
            cutter.close()


def _parallel() -> ParallelCutter | None:
    """None where this program cannot start another interpreter."""
    try:
        return ParallelCutter(max(1, min(MOST_PROCESSES, (os.cpu_count() or 1) - 1)))
    except OSError:
        return None
