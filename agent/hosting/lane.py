"""One thread that does one thing after the other. Knows nothing of what it does."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


class Lane:
    """Calls are made in order, in a daemon thread, so that one that does not listen keeps no program from ending."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], Result]) -> "Future[Result]":
        """Do this when all before it is done; one that is cancelled before that is left out."""
        future: Future[Result] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work())
            except BaseException as exc:  # noqa: BLE001  whoever waits for the result gets it
                future.set_exception(exc)

        self._calls.put(run)
        return future

    def _work(self) -> None:
        while (run := self._calls.get()) is not None:
            run()

    def close(self, seconds: float) -> bool:
        """End after what was called before, waiting for so long at most; whether it has ended."""
        self._calls.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()
