"""A focus that ends when nobody waits for it any more."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from megacontext.memory.focus import FocusQuery, Scorer
from megacontext.memory.focus.node import Node
from megacontext.models.base import Cancel


class StoppedError(Exception):
    """The answer is no longer wanted; never leaves the engine."""


class StoppableScorer:
    """Scores as another one does, as long as the answer is wanted: focus asks for scores again and again."""

    def __init__(self, scorer: Scorer, cancel: Cancel) -> None:
        self._scorer = scorer
        self._cancel = cancel

    def score(self, nodes: Sequence[Node], query: FocusQuery) -> NDArray[np.float32]:
        """Signed scores `[n]`; raises StoppedError when they are not wanted."""
        if self._cancel.is_set():
            raise StoppedError
        return self._scorer.score(nodes, query)

    def reasons(self, node: Node, query: FocusQuery) -> tuple[str, ...]:
        """Why a node has its score."""
        return self._scorer.reasons(node, query)
