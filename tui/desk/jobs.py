"""Named pieces of work in threads of their own: one of a name at a time, each can be stopped. Knows no widget.

The threads are daemons, so that a model in the middle of a long prompt cannot keep the program from ending.
"""

import threading
import time
from collections.abc import Callable

from megacontext.configs.errors import MegaContextError

Work = Callable[[threading.Event], None]
"""Gets an event that is set when the work is no longer wanted."""


class Job:
    """One piece of work."""

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self.cancel = threading.Event()
        self.thread = threading.Thread(target=work, name=name, daemon=True)


class Jobs:
    """Starts work and stops it. Its methods are called from one thread alone."""

    def __init__(
        self,
        on_trouble: Callable[[MegaContextError], None],
        on_fault: Callable[[BaseException], None],
    ) -> None:
        """Both are called in the thread of the work: for errors with a sentence, and for faults of the program."""
        self._on_trouble = on_trouble
        self._on_fault = on_fault
        self._jobs: dict[str, Job] = {}

    def start(self, name: str, work: Work) -> None:
        """Begin; work of the same name is stopped first, and waited for in the new thread."""
        before = self._jobs.get(name)
        if before is not None:
            before.cancel.set()

        def run() -> None:
            if before is not None:
                before.thread.join()
            if not job.cancel.is_set():
                self._guarded(work, job.cancel)

        job = self._jobs[name] = Job(name, run)
        job.thread.start()

    def _guarded(self, work: Work, cancel: threading.Event) -> None:
        try:
            work(cancel)
        except MegaContextError as exc:
            self._on_trouble(exc)
        except BaseException as exc:  # noqa: BLE001  the screen must fall, not hang
            self._on_fault(exc)

    def is_running(self, name: str) -> bool:
        """Whether work of this name goes on."""
        job = self._jobs.get(name)
        return job is not None and job.thread.is_alive()

    def stop(self, *names: str) -> bool:
        """Say that work of these names is no longer wanted; whether there was some."""
        running = [name for name in names if self.is_running(name)]
        for name in running:
            self._jobs[name].cancel.set()
        return bool(running)

    def close(self, seconds: float) -> bool:
        """Stop everything and wait for so long at most; whether all of it has ended."""
        for job in self._jobs.values():
            job.cancel.set()
        until = time.monotonic() + seconds
        for job in self._jobs.values():
            job.thread.join(max(0.0, until - time.monotonic()))
        return not any(job.thread.is_alive() for job in self._jobs.values())
