"""LongCodeZip's idea: passages before which the question is least surprising to a model, of the best by BM25.

Shi et al. 2025 rank every function so; each costs a forward of the model, so that here only candidates are read.
"""

from pathlib import Path

import numpy as np

from megacontext.agent.evals.measuring import Measurer
from megacontext.agent.evals.repository.arms.packing import header
from megacontext.agent.evals.repository.arms.passages import Passage
from megacontext.agent.evals.repository.arms.retrieval import ranked_by_words
from megacontext.models.base import Text

from .answering import Answer
from .passages import Packer, Stamp, read_passages, stamps_of

CANDIDATES = 24


class Explaining:
    """See `answering.Rival`."""

    def __init__(self, root: Path, packer: Packer, measurer: Measurer) -> None:
        self._root = root
        self._packer = packer
        self._measurer = measurer
        self._files: dict[str, tuple[Stamp, tuple[Passage, ...]]] = {}

    def settle(self) -> None:
        """Nothing is made in the background."""

    def answer(self, question: str) -> Answer:
        """The candidates, by how much each lowers what the model loses on the question; then BM25's others."""
        self._refresh()
        ranked = ranked_by_words(question, [p for _, some in self._files.values() for p in some])
        best, rest = ranked[:CANDIDATES], ranked[CANDIDATES:]
        model = self._measurer.model
        prompts = [[*header(model, each.path), Text(f"{each.text}\n# ")] for each in best]
        losses = self._measurer.losses(prompts, model.encode(question)) if best else np.zeros(0)
        order = np.argsort(losses, kind="stable").tolist()
        return self._packer.pack([*(best[at] for at in order), *rest])

    def _refresh(self) -> None:
        now = stamps_of(self._root)
        for path in self._files.keys() - now.keys():
            del self._files[path]
        for path, stamp in now.items():
            if path not in self._files or self._files[path][0] != stamp:
                self._files[path] = stamp, read_passages(self._root, path)
