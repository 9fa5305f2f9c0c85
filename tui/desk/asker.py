"""The agent's questions to the person: asked in its thread, answered on the screen. Knows no widget."""

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

from megacontext.agent.permissions.asking import Answer, PermissionRequest, Stop

from .news import Asking, News

LOOK_S = 0.1


class Asker:
    """The `Approver` of the screen."""

    def __init__(self, tell: Callable[[News], None]) -> None:
        self._tell = tell
        self._closed = threading.Event()
        self._cancel = threading.Event()

    def begin(self, cancel: threading.Event) -> None:
        """A turn begins; when it is cancelled, nothing waits for an answer any more."""
        self._cancel = cancel

    def ask(self, request: PermissionRequest) -> Answer:
        """Ask, and wait until the person answers, cancels or leaves."""
        answers: SimpleQueue[Answer] = SimpleQueue()
        self._tell(Asking(request, answers))
        while not (self._closed.is_set() or self._cancel.is_set()):
            try:
                return answers.get(timeout=LOOK_S)
            except Empty:
                continue
        return Stop()

    def close(self) -> None:
        """The person has left."""
        self._closed.set()
