"""Baselines that compare words: BM25 and Jaccard between an entry and the text before the cursor."""

from collections import Counter

import numpy as np

from megacontext.memory.catalogue.terms import identifiers, query_words

from ..repositories import Repository
from ..scenes import Scene
from .judges import Scores, ranged

SATURATION, LENGTH_SHARE = 1.2, 0.75
"""k1 and b of Okapi BM25, at their usual values."""


class Bm25:
    """Okapi BM25 (Robertson and Zaragoza 2009) of entries; words are as rare as among the repository's chunks."""

    def __init__(self, repository: Repository) -> None:
        self._seen: Counter[str] = Counter()
        self._chunks = 0
        tree = repository.lens.tree
        for path in repository.files:
            data = repository.memory.read(path) or b""
            for chunk in tree.chunks_of(path):
                text = data[chunk.start : chunk.end].decode("utf-8", "replace")
                self._seen.update(query_words(text))
                self._chunks += 1

    def scores(self, scene: Scene) -> Scores:
        """Scores above 0."""
        asked = query_words(scene.query.window)
        documents = [Counter(_words(text)) for text in texts_of(scene)]
        usual = sum(map(Counter.total, documents)) / len(documents) or 1.0
        return ranged(np.array([self._score(asked, document, usual) for document in documents]))

    def _score(self, asked: list[str], document: Counter[str], usual: float) -> float:
        norm = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * document.total() / usual)
        return sum(
            self._rarity(word) * document[word] * (SATURATION + 1) / (document[word] + norm)
            for word in asked
            if document[word]
        )

    def _rarity(self, word: str) -> float:
        seen = self._seen[word]
        return float(np.log1p((self._chunks - seen + 0.5) / (seen + 0.5)))


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


def _words(text: str) -> list[str]:
    """Words of a text as often as they occur: `query_words` names each once a line."""
    return [word for line in text.split("\n") for word in query_words(line)]
