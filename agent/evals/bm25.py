"""BM25 over texts as code has them: identifiers count whole and in their parts. Knows words only."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from megacontext.memory.catalogue.terms import IDENTIFIER, query_words

Scores = NDArray[np.float64]
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

    @classmethod
    def of_words(cls, words: Iterable[str], documents: Sequence[Counter[str]]) -> "Rarity":
        """The same of a few words alone, in texts whose words were counted before."""
        seen = {word: sum(word in document for document in documents) for word in words}
        return cls(Counter(seen), len(documents))

    def of(self, word: str) -> float:
        """The weight of a word: larger for rare ones, never below 0."""
        seen = self.seen[word]
        return float(np.log1p((self.texts - seen + 0.5) / (seen + 0.5)))


def bm25(question: str, texts: Sequence[str], rarity: Rarity) -> Scores:
    """Okapi BM25 (Robertson and Zaragoza 2009) of each text for a question."""
    return bm25_of(question, [counted(text) for text in texts], rarity)


def bm25_of(question: str, documents: Sequence[Counter[str]], rarity: Rarity) -> Scores:
    """The same for texts whose words were counted before."""
    asked = query_words(question)
    usual = sum(map(Counter.total, documents)) / max(1, len(documents)) or 1.0
    return np.array([_score(asked, document, usual, rarity) for document in documents])


def _score(asked: Sequence[str], document: Counter[str], usual: float, rarity: Rarity) -> float:
    norm = SATURATION * (1 - LENGTH_SHARE + LENGTH_SHARE * document.total() / usual)
    return sum(
        rarity.of(word) * document[word] * (SATURATION + 1) / (document[word] + norm)
        for word in asked
        if document[word]
    )


def counted(text: str) -> Counter[str]:
    """The words of a text, as often as they occur."""
    return Counter(word for name in IDENTIFIER.findall(text) for word in _parts(name))


@lru_cache(65_536)
def _parts(name: str) -> tuple[str, ...]:
    return tuple(query_words(name))
