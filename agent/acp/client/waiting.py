"""Asking the client from the thread in which the agent works. Knows no method."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

from acp.interfaces import Client

from megacontext.models.base import Cancel

Result = TypeVar("Result")
LOOK_S = 0.05


class StoppedError(Exception):
    """Nobody waits for the answer any more."""


class ClientLine:
    """The way to the client of one session. Coroutines run in the loop of the connection, where this is made."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.session_id = ""
        """Known once the session is open; nothing is asked before."""
        self._loop = asyncio.get_running_loop()
        self.cancel = threading.Event()
        """Of the turn that goes on; set when it is cancelled, or the client has left."""
        self.call_id = ""
        """Of the call that is carried out."""
        self.in_terminals: set[str] = set()
        """Calls whose output the client shows in a terminal."""

    def wait(
        self,
        work: Coroutine[Any, Any, Result],
        seconds: float | None = None,
        cancel: Cancel | None = None,
    ) -> Result:
        """What a coroutine gives; raises what it raises, or TimeoutError.

        Raises StoppedError when the turn is cancelled, or `cancel` is set.
        """
        until = None if seconds is None else time.monotonic() + seconds
        future: Future[Result] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while not (self.cancel.is_set() or (cancel is not None and cancel.is_set())):
                try:
                    return future.result(LOOK_S)
                except TimeoutError:
                    if future.done():
                        return future.result()
                    if until is not None and time.monotonic() >= until:
                        raise
        except CancelledError as exc:
            raise StoppedError from exc
        finally:
            future.cancel()
        raise StoppedError

    def wait_even_so(self, work: Coroutine[Any, Any, Result], seconds: float) -> Result:
        """As `wait`, for what has to be said also in a turn that is cancelled."""
        future: Future[Result] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(seconds)
        except CancelledError as exc:
            raise TimeoutError from exc
        finally:
            future.cancel()
