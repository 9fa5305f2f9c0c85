"""Baselines that compare words: BM25 and Jaccard between an entry and the text before the cursor."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from megacontext.memory.catalogue.terms import IDENTIFIER, identifiers, query_words

from ...repositories import Repository
from ..scenes.scene import Scene
from .judges import Scores, ranged

SATURATION, LENGTH_SHARE = 1.2, 0.75
"""k1 and b of Okapi BM25, at their usual values."""


@dataclass(frozen=True)
class Rarity:
    """In how many of some texts each word is."""

    seen: Counter[str]
    texts: int

    @classmethod
    def among(cls, texts: Iterable[str]) -> "Rarity":
        """Count the words of some texts."""
        seen: Counter[str] = Counter()
        count = 0
        for text in texts:
            seen.update(query_words(text))
            count += 1
        return cls(seen, count)

    def of(self, word: str) -> float:
        """The weight of a word: larger for rare ones, never below 0."""
        seen = self.seen[word]
        return float(np.log1p((self.texts - seen + 0.5) / (seen + 0.5)))


def bm25(question: str, texts: Sequence[str], rarity: Rarity) -> Scores:
    """Okapi BM25 (Robertson and Zaragoza 2009) of each text for a question."""
    asked = query_words(question)
    documents = [_counted(text) for text in texts]
    usual = sum(map(Counter.total, documents)) / max(1, len(documents)) or 1.0
    return np.array([_score(asked, document, usual, rarity) for document in documents])


def _score(asked: Sequence[str], document: Counter[str], usual: float, rarity: Rarity) -> float:
    norm = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * document.total() / usual)
    return sum(
        rarity.of(word) * document[word] * (SATURATION + 1) / (document[word] + norm)
        for word in asked
        if document[word]
    )


def _counted(text: str) -> Counter[str]:
    """The words of a text, as often as they occur."""
    return Counter(word for name in IDENTIFIER.findall(text) for word in _parts(name))


@lru_cache(65_536)
def _parts(name: str) -> tuple[str, ...]:
    return tuple(query_words(name))


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
