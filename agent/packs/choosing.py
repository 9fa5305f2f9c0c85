"""Which mounted packs a query is put to, told cheaply: by words that they hold, and by names that they define.

A pack is a source of its own, with full text of its own; focusing each of many for every key that somebody types would
cost more than the repository does. And what the repository answers itself needs no pack, which would take room from
it. Scores of full text say little from one source to the next, since a word that is rare in one is common in another;
so sources are compared by the share of the question's words that their best places hold, each word weighed by how rare
it is in all of them together. Knows no cut and no codec.
"""

import math
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from megacontext.memory.catalogue import Catalogue, SearchHit
from megacontext.memory.catalogue.terms import identifiers, query_words
from megacontext.memory.focus import FocusQuery, TreeView, outside
from megacontext.memory.focus.evidence import Limits, names_at_home
from megacontext.memory.focus.words import code_names, stem
from megacontext.memory.memory import Memory
from megacontext.memory.packs.mounts import Mounted
from megacontext.memory.packs.pack_memory import PackMemory

LIMITS = Limits(hits=40, matches=2_000, found_only=True)
"""How far the full text of a pack is looked into."""
MARGIN = 0.1
"""A pack is asked if its best place holds so much more of the question than the repository's does."""
COMPARED = 8
"""Places of each source that are compared."""
MOST_WORDS = 32
MOST_DEFINED = 4
"""A name that a pack defines more often says too little about whether the pack is meant."""
MOST_NAMES = 32
DEFINES = 0.25
"""What each name that a pack defines, and the repository does not, adds to its standing."""
SHORTEST_NAME = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as packs are asked it."""

    query: FocusQuery
    words: tuple[str, ...]
    """Of the question."""
    foreign: tuple[str, ...]
    """Names in it, or at the cursor, that the repository does not define."""
    imported: frozenset[str]
    """What the file at the cursor seems to import: `a` and `b` for a.b."""


def asked_beside(query: FocusQuery, memory: Memory, tree: TreeView) -> Asked:
    """A query to the repository as one to packs: their files are none of those that it speaks of."""
    home = names_at_home(tree, query.at.path) if query.at else frozenset()
    near = identifiers(query.window) if query.window else sorted(home)
    # What is imported at the cursor goes first: of the others many are words of a comment.
    names = [*code_names(query.text), *sorted(near, key=lambda name: name not in home)]
    defined = memory.catalogue.symbols_named
    foreign = [
        name for name in names[:MOST_NAMES] if len(name) >= SHORTEST_NAME and not defined(name, 1)
    ]
    text, most, matches = _search_of(query, Limits())
    hits = memory.catalogue.search(text, most, matches)
    asked = FocusQuery(
        text=query.text,
        at=outside(query.at) if query.at else None,
        window=query.window,
        names=tuple(sorted(home)),
        strongest=max((hit.score for hit in hits), default=0.0),
    )
    words = tuple(query_words(query.text)[:MOST_WORDS])
    imported = frozenset(part for name in home for part in name.split("."))
    return Asked(asked, words, tuple(foreign), imported)


def chosen(mounted: Sequence[Mounted], asked: Asked, memory: Memory, most: int) -> list[Mounted]:
    """The packs that seem to know more of a query than the repository, `memory`, does; the best first."""
    if not mounted:
        return []
    # The repository is asked in this thread, which may be reading it already.
    held = _counts(memory, asked.words)
    # SQLite lets other threads run while it searches.
    with ThreadPoolExecutor(len(mounted), "pack") as pool:
        counted = list(pool.map(lambda each: _counts(each.memory, asked.words), mounted))
        weights = _weights(asked.words, [held, *counted])
        own = _covered(memory, asked.query, weights, Limits())
        jobs = [
            pool.submit(_standing, each.memory, asked, _Bar(weights, counts, own))
            for each, counts in zip(mounted, counted, strict=True)
        ]
        standings = [job.result() for job in jobs]
    ranked = sorted(range(len(mounted)), key=lambda index: -standings[index])
    return [mounted[index] for index in ranked[:most] if standings[index] > 0]


@dataclass(frozen=True, slots=True)
class _Bar:
    """What a pack is measured by."""

    weights: Mapping[str, float]
    """Of the question's words; their sum is 1."""
    counts: Mapping[str, int]
    """Chunks of the pack that hold each."""
    own: float
    """Share of the question that the repository's best place holds."""


def _standing(memory: PackMemory, asked: Asked, bar: _Bar) -> float:
    """How much a pack seems to know of a query; 0 for too little."""
    if asked.query.at and memory.roots.isdisjoint(asked.imported):
        return 0.0  # the file at the cursor does not import it
    with memory.reading():
        named = [memory.catalogue.symbols_named(name, MOST_DEFINED + 1) for name in asked.foreign]
        defined = sum(0 < len(found) <= MOST_DEFINED for found in named)
        least = bar.own + MARGIN
        # No place can hold a word that the pack does not.
        if sum(weight for word, weight in bar.weights.items() if bar.counts[word]) < least:
            return DEFINES * defined
        covered = _covered(memory, asked.query, bar.weights, LIMITS)
        return DEFINES * defined + (covered if covered >= least else 0.0)


def _counts(memory: Memory, words: Sequence[str]) -> dict[str, int]:
    with memory.reading():
        return {"": memory.catalogue.chunk_count(), **memory.catalogue.document_counts(words)}


def _weights(words: Sequence[str], counted: Sequence[Mapping[str, int]]) -> dict[str, float]:
    """How much each word counts, by how rare it is in all sources together; those that none holds do not."""
    chunks = sum(counts[""] for counts in counted)
    found = {word: sum(counts[word] for counts in counted) for word in words}
    weights = {word: math.log(1 + chunks / count) for word, count in found.items() if count}
    total = sum(weights.values())
    return {word: weight / total for word, weight in weights.items()}


def _covered(
    memory: Memory, query: FocusQuery, weights: Mapping[str, float], limits: Limits
) -> float:
    """The largest share of the question that one of the best places of a source holds."""
    if not weights:
        return 0.0
    with memory.reading():
        hits = _hits(memory.catalogue, query, limits)[:COMPARED]
        chunks = memory.catalogue.chunks(hit.chunk_id for hit in hits)
    texts = [
        " ".join((c.path, c.symbol, c.outline, *c.references)).lower() for c in chunks.values()
    ]
    patterns = [
        (re.compile(rf"(?<![a-z]){re.escape(stem(word))}"), weight)
        for word, weight in weights.items()
    ]
    shares = (sum(weight for pattern, weight in patterns if pattern.search(text)) for text in texts)
    return max(shares, default=0.0)


def _hits(catalogue: Catalogue, query: FocusQuery, limits: Limits) -> list[SearchHit]:
    text, most, matches = _search_of(query, limits)
    return catalogue.search(text, most, matches) if text else []


def _search_of(query: FocusQuery, limits: Limits) -> tuple[str, int, int]:
    """Text, hits and matches as the evidence will ask for them, so that it is searched once."""
    if query.text:
        return query.text, limits.hits, limits.matches
    return query.window, limits.window_hits, limits.matches
