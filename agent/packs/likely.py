"""Which of many packs a question may be about, told by words: of the rest not even the best places are scored.

Scores of full text say little from one source to the next, since a word that is rare in one is common in another; so
packs are compared by the share of the question's words that their best places hold, each word weighed by how rare it is
in all of them together. Knows no repository.
"""

import math
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from functools import partial

from megacontext.memory.catalogue.terms import query_words
from megacontext.memory.focus.evidence import Limits
from megacontext.memory.focus.words import stem
from megacontext.memory.packs.pack_memory import PackMemory

COMPARED = 8
"""Places of each pack that are looked at."""
MOST_WORDS = 32


def likely(
    packs: Sequence[PackMemory], text: str, limits: Limits, most: int, pool: Executor
) -> list[int]:
    """Indices of at most `most` packs, in their order."""
    if len(packs) <= most:
        return list(range(len(packs)))
    words = query_words(text)[:MOST_WORDS]
    # SQLite lets other threads run while it searches.
    weights = _weights(words, list(pool.map(lambda pack: _counts(pack, words), packs)))
    patterns = [
        (re.compile(rf"(?<![a-z]){re.escape(stem(word))}"), weight)
        for word, weight in weights.items()
    ]
    covered = list(pool.map(partial(_covered, text, limits, patterns), packs))
    ranked = sorted(range(len(packs)), key=lambda index: -covered[index])
    return sorted(ranked[:most])


def _counts(pack: PackMemory, words: Sequence[str]) -> dict[str, int]:
    with pack.reading():
        return {"": pack.catalogue.chunk_count(), **pack.catalogue.document_counts(words)}


def _weights(words: Sequence[str], counted: Sequence[Mapping[str, int]]) -> dict[str, float]:
    """How much each word counts, by how rare it is in all packs together; those that none holds do not."""
    chunks = sum(counts[""] for counts in counted)
    found = {word: sum(counts[word] for counts in counted) for word in words}
    return {word: math.log(1 + chunks / count) for word, count in found.items() if count}


def _covered(
    text: str, limits: Limits, patterns: Sequence[tuple[re.Pattern[str], float]], pack: PackMemory
) -> float:
    """The largest part of the question that one of the best places of a pack holds."""
    with pack.reading():
        hits = pack.catalogue.search(text, limits.hits, limits.matches)[:COMPARED]
        chunks = pack.catalogue.chunks(hit.chunk_id for hit in hits)
    texts = [
        " ".join((c.path, c.symbol, c.outline, *c.references)).lower() for c in chunks.values()
    ]
    shares = (sum(weight for pattern, weight in patterns if pattern.search(each)) for each in texts)
    return max(shares, default=0.0)
