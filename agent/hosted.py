"""A repository kept open for a server that answers other programs: there is a time to wait for it, and words for why.

Knows no protocol.
"""

import threading

from megacontext.configs.errors import StoreError
from megacontext.models.base import BaseModel, Cancel

from .console import note
from .engine import Engine
from .hosting.host import Host
from .hosting.news import HostNews, Opened, Rested, Trouble, Worked
from .hosting.shelf import Shelf
from .opening import Workplace

OPEN_S = 30.0
INDEX_S = 20.0
"""Whoever asks waits so long for the first index; then what is there has to do."""
CLOSE_S = 5.0
LOOK_S = 0.05


class Hosted:
    """One repository, opened in the background as soon as this is made."""

    def __init__(
        self, workplace: Workplace, shelf: Shelf | None = None, model: BaseModel | None = None
    ) -> None:
        """`model` takes the place of the one that settings choose."""
        self.workplace = workplace
        self._given = model
        self._shelf = shelf or Shelf()
        self._heard = threading.Event()
        self._indexed = threading.Event()
        self._trouble = ""
        self._progress = ""
        self.host = Host(workplace, self._hear, self._shelf, model)
        self.host.start()

    def _hear(self, news: HostNews) -> None:
        match news:
            case Opened(writes=writes):
                if not writes:
                    self._indexed.set()
                self._heard.set()
            case Worked(stage="files", done=done, total=total):
                self._progress = f"{done:,} of {total:,} files"
            case Rested(stage="files"):
                self._indexed.set()
            case Trouble(text=text):
                note(text)
                self._trouble = text
                self._heard.set()
                # Where indexing failed there is nothing to wait for.
                self._indexed.set()

    def engine(self) -> Engine:
        """The engine over the open memory; waits for it. Raises StoreError that says why there is none."""
        self._heard.wait(OPEN_S)
        if self.host.engine is None:
            raise StoreError(self._trouble or "the memory is still being opened; ask again")
        return self.host.engine

    def new_engine(self) -> Engine:
        """Another engine over the same memory and model, for one conversation of several; raises as `engine` does."""
        memory = self.engine().memory
        return Engine(
            self.workplace, memory, self._given, load=lambda: self._shelf.model_of(self.workplace)
        )

    def wait_for_index(self, cancel: Cancel) -> bool:
        """Wait for the first pass over the files however long it takes; False when cancelled before."""
        while not self._indexed.wait(LOOK_S):
            if cancel.is_set():
                return False
        return not cancel.is_set()

    def indexed(self) -> str:
        """Wait for the first pass over the files; "" when it has ended, otherwise how far it is, for people."""
        if self._indexed.wait(INDEX_S):
            return ""
        return f"The repository is still being indexed ({self._progress or 'just begun'}); more will be found later."

    def close(self) -> bool:
        """Let another process write; whether everything has ended in time."""
        return self.host.close(CLOSE_S)
