"""Models in memory, shared by all repositories that are open: the same choice is loaded once."""

import threading

from megacontext.models.base import BaseModel

from ..opening import Workplace


class Shelf:
    """Loads models when they are first asked for. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._models: dict[str, BaseModel] = {}

    def model_of(self, workplace: Workplace) -> BaseModel:
        """The model that the settings of a repository choose; raises ModelError when it cannot be loaded."""
        choice = workplace.choice
        key = repr(choice or workplace.settings.model.remote)
        with self._lock:
            if key not in self._models:
                self._models[key] = workplace.load_model()
            return self._models[key]
