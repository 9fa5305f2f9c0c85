"""Which of the mounted packs a question may be about, told by words: of the rest not even the best places are scored.

What full text says of a best place grows with how rare its words are in its own source. Divided by what a place with
every word of the question would get there, it is the part of the question that the place answers, and that can be held
against other sources. Knows no repository.
"""

import math
from collections.abc import Sequence
from concurrent.futures import Executor

from megacontext.memory.catalogue import Catalogue
from megacontext.memory.catalogue.terms import query_words
from megacontext.memory.focus.evidence import Limits
from megacontext.memory.packs.pack_memory import PackMemory

NEAR_BEST = 0.6
"""Part of what the best source answers below which a pack is not looked at any further."""
MOST_WORDS = 32
SMALL = 200
"""Chunks of a pack in which no word is rare: nothing is told by its full text, and it costs little to look."""


def likely(
    packs: Sequence[PackMemory], text: str, limits: Limits, most: int, own: float, pool: Executor
) -> list[int]:
    """Indices of at most `most` packs, and of small ones, in order; `own` is the part that the repository answers."""

    def part(pack: PackMemory) -> float:
        with pack.reading():
            if pack.catalogue.chunk_count() <= SMALL:
                return math.inf
            hits = pack.catalogue.search(text, limits.hits, limits.matches)
            return answered(pack.catalogue, text, hits[0].score) if hits else 0.0

    # SQLite lets other threads run while it searches.
    parts = list(pool.map(part, packs))
    small = [index for index, part in enumerate(parts) if part == math.inf]
    large = sorted((i for i in range(len(packs)) if i not in small), key=lambda i: -parts[i])
    least = NEAR_BEST * max([own, *(parts[index] for index in large)])
    return sorted([*small, *(i for i in large[:most] if parts[i] >= least > 0)])


def answered(catalogue: Catalogue, text: str, score: float) -> float:
    """The part of a question that a place with this score answers, about 0 … 1."""
    words = query_words(text)[:MOST_WORDS]
    chunks = catalogue.chunk_count()
    counts = catalogue.document_counts(words)
    whole = sum(math.log1p(chunks / (count + 0.5)) for count in counts.values())
    return score / whole if whole else 0.0
