"""Gists in the background: one thread that makes what is missing whenever it is woken."""

import threading
from collections.abc import Callable

from megacontext.configs.errors import MegaContextError
from megacontext.memory.ingest.gisting import GistReport
from megacontext.memory.ingest.report import OnProgress
from megacontext.memory.memory import Memory
from megacontext.models.base import BaseModel

from .opening import Workplace


class GistWorker:
    """Makes missing gists of an open memory until it is stopped; can be stopped between any two batches.

    An error ends it and goes to `on_error`, in its own thread: everything but the gists stays fresh without it.
    """

    def __init__(
        self,
        workplace: Workplace,
        memory: Memory,
        on_error: Callable[[MegaContextError], None],
        *,
        model: Callable[[], BaseModel] | None = None,
        on_progress: OnProgress | None = None,
        on_report: Callable[[GistReport], None] | None = None,
    ) -> None:
        """`model` gives the one that is loaded anyway; the others hear how far it is, and what came of a run."""
        self._workplace = workplace
        self._memory = memory
        self._on_error = on_error
        self._model = model
        self._on_progress = on_progress
        self._on_report = on_report or (lambda _: None)
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="gists", daemon=True)

    def start(self) -> None:
        """Begin with what is missing now."""
        self._wanted.set()
        self._thread.start()

    def wake(self) -> None:
        """Something has changed."""
        self._wanted.set()

    def stop(self) -> None:
        """Stop after the batch under way."""
        self._stopped.set()
        self._wanted.set()
        self._thread.join()

    def _work(self) -> None:
        try:
            self._make_gists()
        except MegaContextError as exc:
            self._on_error(exc)

    def _make_gists(self) -> None:
        from megacontext.models.gist.loading import gister_for
        from megacontext.models.language.loading import load_model

        if self._workplace.choice is None:
            return
        model = self._model() if self._model else load_model(self._workplace.choice)
        gister = gister_for(model, self._workplace.folder)
        gisting = self._memory.gisting(gister)
        while not self._stopped.is_set():
            self._wanted.wait()
            self._wanted.clear()
            self._on_report(gisting.run(self._on_progress, self._stopped.is_set))
