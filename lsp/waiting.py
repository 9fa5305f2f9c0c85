"""How a thread that works for a request asks the client something, and waits. Knows no question."""

import asyncio
import time
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as NoAnswerError
from typing import Any, TypeVar

from megacontext.models.base import Cancel

Result = TypeVar("Result")
LOOK_S = 0.05


class StoppedError(Exception):
    """The request was cancelled while something was asked for it."""


class Line:
    """From one thread to the event loop and back, until the request is cancelled."""

    def __init__(self, cancel: Cancel) -> None:
        """Made in the event loop."""
        self._loop = asyncio.get_running_loop()
        self._cancel = cancel

    def wait(self, asked: Coroutine[Any, Any, Result], seconds: float) -> Result:
        """The answer; raises StoppedError, TimeoutError for no answer in time, or whatever `asked` raises."""
        future = asyncio.run_coroutine_threadsafe(asked, self._loop)
        until = time.monotonic() + seconds
        while True:
            try:
                return future.result(LOOK_S)
            except NoAnswerError:
                if future.done():
                    raise
                stopped = self._cancel.is_set()
                if not stopped and time.monotonic() < until:
                    continue
                future.cancel()
                if stopped:
                    raise StoppedError from None
                raise
