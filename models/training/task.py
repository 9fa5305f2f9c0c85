"""What a training loop trains: a module with a loss, its data, its measurements. Knows no loop."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from .settings import LoopSettings

Rows = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Moment:
    """When in a run a loss is computed."""

    step: int
    """Optimizer steps done before."""
    progress: float
    """Share of the budget that is spent, in [0, 1]."""


class Learner(nn.Module, ABC):
    """A module that says how wrong it is; its parameters that require gradients are trained."""

    @abstractmethod
    def loss(self, rows: Rows, moment: Moment) -> tuple[Tensor, dict[str, float]]:
        """The mean loss over `rows`, and its parts by name for the log."""

    def compile_parts(self) -> None:
        """Compile what is worth it, where the device gains by it; nothing unless overridden."""


class Task(ABC):
    """One kind of training: everything that a loop does not know.

    Attributes:
        settings: of the run.
        fingerprint: of settings and data; a checkpoint with another one is of a different run.
        learner: what is trained, on the CPU in float32 until the loop moves it.
        build: makes an equal learner in another process; can be pickled.
        tokens_per_row: what one row counts for.
        rates: by the start of parameters' names, what their learning rates are multiplied with.
        sources: hashes of what is trained on, by name: data, base.
    """

    settings: LoopSettings
    fingerprint: str
    learner: Learner
    build: Callable[[], Learner]
    tokens_per_row: int
    rates: Mapping[str, float] = MappingProxyType({})
    sources: Mapping[str, str] = MappingProxyType({})

    @abstractmethod
    def rows(self, index: int) -> Rows:
        """Rows of group `index` of the endless order; `batch.windows` of them."""

    @abstractmethod
    def measure(self) -> dict[str, float]:
        """What the learner is worth on held-out data, by name; the first one is the run's figure."""

    def weights(self) -> dict[str, Tensor]:
        """The trained tensors of a checkpoint, by name; the learner's unless overridden."""
        trained = {name for name, p in self.learner.named_parameters() if p.requires_grad}
        return {name: t for name, t in self.learner.state_dict().items() if name in trained}

    def load(self, weights: dict[str, Tensor]) -> None:
        """Take back what `weights` gave; RuntimeError where they do not fit."""
        missing, unknown = self.learner.load_state_dict(weights, strict=False)
        trained = {name for name, p in self.learner.named_parameters() if p.requires_grad}
        if unknown or trained & set(missing):
            raise RuntimeError(f"missing {sorted(trained & set(missing))}, unknown {unknown}")
