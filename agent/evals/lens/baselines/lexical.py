"""Baselines that compare words: BM25 and Jaccard between an entry and the text before the cursor."""

from collections.abc import Iterator

import numpy as np

from megacontext.memory.catalogue.terms import identifiers

from ...bm25 import Rarity, bm25
from ...repositories import Repository
from ..scenes.scene import Scene
from .judges import Scores, ranged


class Bm25:
    """BM25 of entries; words are as rare as among the repository's chunks."""

    def __init__(self, repository: Repository) -> None:
        self._rarity = Rarity.among(_chunk_texts(repository))

    def scores(self, scene: Scene) -> Scores:
        """Scores above 0."""
        return ranged(bm25(scene.query.window, texts_of(scene), self._rarity))


def _chunk_texts(repository: Repository) -> Iterator[str]:
    for path in repository.files:
        data = repository.memory.read(path) or b""
        for chunk in repository.lens.tree.chunks_of(path):
            yield data[chunk.start : chunk.end].decode("utf-8", "replace")


class Jaccard:
    """Identifiers in common over identifiers in either."""

    def scores(self, scene: Scene) -> Scores:
        """Scores above 0."""
        asked = set(identifiers(scene.query.window))
        found = []
        for text in texts_of(scene):
            own = set(identifiers(text))
            found.append(len(asked & own) / max(1, len(asked | own)))
        return ranged(np.array(found))


def texts_of(scene: Scene) -> list[str]:
    """The text of each entry."""
    repository = scene.repository
    return [repository.model.decode(repository.tokens(node)) for node in scene.nodes]
