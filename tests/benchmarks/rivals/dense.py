"""Retrieval by embeddings: passages and question as mean last hidden states of pocket, compared by their cosine.

Pocket is what can be had offline; models trained for retrieval find more and are many times slower. Vectors are kept.
"""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from megacontext.agent.evals.lens.baselines.neural import mean_states
from megacontext.agent.evals.measuring import Measurer
from megacontext.agent.evals.repository.arms.passages import Passage

from .answering import Answer
from .passages import Packer, Stamp, read_passages, stamps_of

LONGEST = 512
"""Tokens of a passage that are read, at most."""
Rows = NDArray[np.float32]


class Dense:
    """See `answering.Rival`."""

    def __init__(self, root: Path, state: Path, packer: Packer, measurer: Measurer) -> None:
        self._root = root
        self._state = state
        self._packer = packer
        self._measurer = measurer
        self._stamps: dict[str, Stamp] = {}
        self._files: dict[str, tuple[tuple[Passage, ...], Rows]] = {}
        if (state / "vectors.npy").exists():
            self._load()

    def settle(self) -> None:
        """Nothing is made in the background."""

    def answer(self, question: str) -> Answer:
        """Passages nearest to the question."""
        self._refresh()
        passages = [each for some, _ in self._files.values() for each in some]
        alike = self._rows @ self._vectors([question])[0]
        return self._packer.pack(passages[at] for at in np.argsort(-alike, kind="stable"))

    def _refresh(self) -> None:
        now = stamps_of(self._root)
        if now == self._stamps:
            return
        changed = [path for path, stamp in now.items() if self._stamps.get(path) != stamp]
        cut = {path: read_passages(self._root, path) for path in changed}
        rows = self._vectors([each.text for path in changed for each in cut[path]])
        ends = np.cumsum([len(cut[path]) for path in changed])
        parts = np.split(rows, ends[:-1]) if changed else []
        fresh = {path: (cut[path], part) for path, part in zip(changed, parts, strict=True)}
        kept = {path: each for path, each in self._files.items() if path in now}
        self._files, self._stamps = kept | fresh, now
        self._rows = np.concatenate([part for _, part in self._files.values()])
        self._save()

    def _vectors(self, texts: list[str]) -> Rows:
        """Of length 1 `[n, d]`; texts of one length are read together."""
        ids = [self._measurer.model.encode(text)[:LONGEST] for text in texts]
        order = sorted(range(len(ids)), key=lambda at: len(ids[at]))
        found = np.zeros((len(ids), self._measurer.model.hidden_size), np.float32)
        if ids:
            found[order] = mean_states(self._measurer, [ids[at] for at in order]).cpu().numpy()
        norms: Rows = np.linalg.norm(found, axis=1, keepdims=True)
        return found / np.maximum(norms, 1e-9)

    def _save(self) -> None:
        about = [(path, self._stamps[path], len(some)) for path, (some, _) in self._files.items()]
        np.save(self._state / "vectors.npy", self._rows)
        (self._state / "files.json").write_text(json.dumps(about), encoding="utf-8")

    def _load(self) -> None:
        self._rows = np.load(self._state / "vectors.npy")
        at = 0
        for path, stamp, count in json.loads((self._state / "files.json").read_text("utf-8")):
            rows, at = self._rows[at : at + count], at + count
            passages = read_passages(self._root, path) if (self._root / path).exists() else ()
            if len(passages) == count:
                self._files[path] = passages, rows
                self._stamps[path] = (stamp[0], stamp[1])
        self._rows = np.concatenate([part for _, part in self._files.values()])
