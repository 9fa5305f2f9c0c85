"""Which mounted packs a query is put to, and how much of its budget each deserves.

What the repository answers itself needs no pack, which would take room from it. A question is put to all sources that
seem likely, and their best places are held against each other by one scorer's sums: the share that a pack has of these
is its share of the budget. At a cursor, where every key that somebody types is a query, packs are told cheaply, by
names that they define. Knows no cut and no codec.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from megacontext.memory.catalogue.terms import identifiers
from megacontext.memory.focus import FeatureScorer, FocusQuery, TreeView, outside
from megacontext.memory.focus.evidence import Limits, names_at_home
from megacontext.memory.focus.words import code_names
from megacontext.memory.memory import Memory
from megacontext.memory.packs.mounts import Mounted

from .likely import answered, likely

LIMITS = Limits(hits=40, matches=2_000, found_only=True)
"""How far the full text of a pack is looked into."""
COMPARED = 8
"""Best places of all sources together that are held against each other."""
NEAR_BEST = 0.7
"""Share of the best place's sum below which a place is none of the best, though there are fewer than COMPARED."""
AT_CURSOR = 0.2
"""Of a budget, that packs deserve at a cursor: what the repository does itself there tells more."""
MOST_DEFINED = 4
"""A name that a pack defines more often says too little about whether the pack is meant."""
MOST_NAMES = 32
SHORTEST_NAME = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """A query as packs are asked it."""

    query: FocusQuery
    foreign: tuple[str, ...]
    """Names in it, or at the cursor, that the repository does not define."""
    imported: frozenset[str]
    """What the file at the cursor seems to import: `a` and `b` for a.b."""
    answered: float
    """The part of the question that the repository's best place answers; see `likely`."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A mounted pack that may be read, and what scores its chunks."""

    mounted: Mounted
    scorer: FeatureScorer


@dataclass(frozen=True, slots=True)
class Chosen:
    """A pack that a query is put to."""

    mounted: Mounted
    share: float
    """Of the budget that it deserves, from 0 to 1."""


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
    strongest = max((hit.score for hit in hits), default=0.0)
    asked = FocusQuery(
        text=query.text,
        at=outside(query.at) if query.at else None,
        window=query.window,
        names=tuple(sorted(home)),
        strongest=strongest,
    )
    imported = frozenset(part for name in home for part in name.split("."))
    part = answered(memory.catalogue, query.text, strongest) if query.text else 0.0
    return Asked(asked, tuple(foreign), imported, part)


def chosen(
    rivals: Sequence[Rival], asked: Asked, own: Callable[[], Sequence[float]], most: int
) -> list[Chosen]:
    """The packs that seem to know more of a query than the repository does, at most `most`; the best first.

    `own` gives the sums of the repository's best places, COMPARED of them; it is asked in this thread.
    """
    query = asked.query
    if query.at:
        rivals = [
            each for each in rivals if not each.mounted.memory.roots.isdisjoint(asked.imported)
        ]
    if not rivals:
        return []
    # SQLite lets other threads run while it searches.
    with ThreadPoolExecutor(len(rivals), "pack") as pool:
        if query.text:
            packs = [each.mounted.memory for each in rivals]
            looked = likely(packs, query.text, LIMITS, most, asked.answered, pool)
            rivals = [rivals[index] for index in looked]
            jobs = [pool.submit(_best, each, query) for each in rivals]
            standings = shares_of(own(), [job.result() for job in jobs])
        else:
            standings = list(pool.map(lambda each: _defined(each, asked.foreign), rivals))
    ranked = sorted(range(len(rivals)), key=lambda index: -standings[index])
    return [
        Chosen(rivals[n].mounted, standings[n] if query.text else AT_CURSOR)
        for n in ranked[:most]
        if standings[n]
    ]


def _best(rival: Rival, query: FocusQuery) -> list[float]:
    with rival.mounted.memory.reading():
        return rival.scorer.best(query, COMPARED)


def shares_of(own: Sequence[float], others: Sequence[Sequence[float]]) -> list[float]:
    """What part of the best places of all is each of the others'."""
    sums = [(value, number) for number, best in enumerate([own, *others]) for value in best]
    # Of equals the repository's go first.
    sums.sort(key=lambda each: (-each[0], each[1]))
    best = [number for value, number in sums[:COMPARED] if value >= NEAR_BEST * sums[0][0] > 0]
    return [best.count(number) / len(best) if best else 0.0 for number in range(1, len(others) + 1)]


def _defined(rival: Rival, foreign: Sequence[str]) -> float:
    """How many of the names that the repository does not define a pack does."""
    with rival.mounted.memory.reading():
        named = rival.mounted.memory.catalogue.symbols_named
        found = [len(named(name, MOST_DEFINED + 1)) for name in foreign]
    return float(sum(0 < times <= MOST_DEFINED for times in found))


def _search_of(query: FocusQuery, limits: Limits) -> tuple[str, int, int]:
    """Text, hits and matches as the evidence will ask for them, so that it is searched once."""
    if query.text:
        return query.text, limits.hits, limits.matches
    return query.window, limits.window_hits, limits.matches
