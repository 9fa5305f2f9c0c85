"""From the threads that work to the screen: news in order, in batches, a few dozen times a second at most.

A thread that has news never waits for the screen, and the screen is never woken for each token.
"""

import asyncio
import contextvars
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

News = TypeVar("News")

FRAME_S = 1 / 25
"""At least this long between two deliveries."""


class Bridge(Generic[News]):
    """News from any thread, delivered in the thread of an event loop."""

    def __init__(self, deliver: Callable[[Sequence[News]], None]) -> None:
        """`deliver` gets all that has come since it was called last."""
        self._deliver = deliver
        self._lock = threading.Lock()
        self._waiting: list[News] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context: contextvars.Context | None = None
        """Of the screen: what is delivered must not see the context of the thread that had news."""
        self._last = 0.0

    def open(self) -> None:
        """Deliver in the loop that runs now, also what came before."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
            self._context = contextvars.copy_context()
            if self._waiting:
                self._loop.call_soon(self._drain, context=self._context)

    def close(self) -> None:
        """Deliver nothing any more."""
        with self._lock:
            self._loop = None

    def push(self, news: News) -> None:
        """Say something, from any thread."""
        with self._lock:
            self._waiting.append(news)
            if len(self._waiting) == 1 and self._loop is not None:
                self._loop.call_soon_threadsafe(self._schedule, context=self._context)

    def _schedule(self) -> None:
        loop = asyncio.get_running_loop()
        wait = max(0.0, self._last + FRAME_S - time.monotonic())
        loop.call_later(wait, self._drain, context=self._context)

    def _drain(self) -> None:
        with self._lock:
            if self._loop is None:
                return
            batch, self._waiting = self._waiting, []
        self._last = time.monotonic()
        if batch:
            self._deliver(batch)
