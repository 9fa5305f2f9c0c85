"""An outline map in the manner of aider: the definitions that the files at work use most, as signatures.

Files are linked by the names that one uses and another defines; PageRank (Page et al. 1999), drawn to the cursor's
file, spreads over the links and then over the definitions. Knows no model.
"""

import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from megacontext.memory.catalogue import FileRecord, SymbolRecord
from megacontext.memory.catalogue.terms import identifiers
from megacontext.memory.focus.outlines import OUTLINED

from ...repositories import Repository
from .arm import Ask, Chosen, Context, timed
from .packing import Packer
from .passages import Passage

DAMPING, ROUNDS = 0.85, 50
MENTIONED, SPEAKING, PRIVATE, COMMON = 10.0, 10.0, 0.1, 0.1
"""What a link counts for a name that is mentioned, a long one of several words, a private one, one of many files."""
LONG_NAME, MANY_FILES = 8, 5
AT_WORK = 50.0
"""What a link from the cursor's file counts."""
SEVERAL_WORDS = re.compile(r"_(?!$)|[a-z][A-Z]")

Definition = tuple[str, str]
"""Path and name."""


@dataclass(frozen=True)
class Tags:
    """What one file defines and uses; ids of chunks are those of when it was read, and stand for nothing later."""

    digest: bytes
    symbols: tuple[SymbolRecord, ...]
    uses: Counter[str]


class RepositoryMap:
    """The map of a repository as it is now."""

    def __init__(self, repository: Repository) -> None:
        self._catalogue = repository.memory.catalogue
        self._tags: dict[str, Tags] = {}

    def ranked(self, path: str, mentioned: str) -> list[SymbolRecord]:
        """Definitions of other files than `path`, best first; names in the text `mentioned` count more."""
        tags = self._read()
        worths = self._worths(tags, path, set(identifiers(mentioned)))
        best = sorted(worths, key=lambda each: -worths[each])
        symbols = {
            (each, symbol.name): symbol
            for each in tags
            for symbol in reversed(tags[each].symbols)
            if symbol.kind in OUTLINED
        }
        return [symbols[each] for each in best if each in symbols and each[0] != path]

    def holder(self, symbol: SymbolRecord) -> SymbolRecord | None:
        """The definition that a definition of the map is in."""
        scope, _, name = symbol.scope.rpartition(".")
        return next(
            (
                other
                for other in self._tags[symbol.path].symbols
                if (other.scope, other.name) == (scope, name) and other.line < symbol.line
            ),
            None,
        )

    def _read(self) -> dict[str, Tags]:
        self._tags = {record.path: self._of(record) for record in self._catalogue.files()}
        return self._tags

    def _of(self, record: FileRecord) -> Tags:
        known = self._tags.get(record.path)
        if known is not None and known.digest == record.digest:
            return known
        chunks = self._catalogue.chunks_of(record.id)
        uses = Counter(name for chunk in chunks for name in chunk.references)
        return Tags(record.digest, tuple(self._catalogue.symbols_of(record.id)), uses)

    def _worths(
        self, tags: Mapping[str, Tags], path: str, mentioned: set[str]
    ) -> dict[Definition, float]:
        """The share of the rank that reaches each definition."""
        links = list(_links(tags, path, mentioned))
        out: dict[str, float] = defaultdict(float)
        for user, _, weight in links:
            out[user] += weight
        ranks = page_rank([(user, home[0], weight) for user, home, weight in links], [*tags], path)
        found: dict[Definition, float] = defaultdict(float)
        for user, home, weight in links:
            found[home] += ranks[user] * weight / out[user]
        return found


def _links(
    tags: Mapping[str, Tags], path: str, mentioned: set[str]
) -> Iterator[tuple[str, Definition, float]]:
    """From each file to each definition that it uses, with what that counts."""
    homes: dict[str, set[str]] = defaultdict(set)
    for each, own in tags.items():
        for symbol in own.symbols:
            homes[symbol.name].add(each)
    for user, own in tags.items():
        for name, times in own.uses.items():
            weight = _weight(name, len(homes.get(name, ())), name in mentioned) * times**0.5
            weight *= AT_WORK if user == path else 1.0
            for home in homes.get(name, ()):
                yield user, (home, name), weight


def _weight(name: str, homes: int, is_mentioned: bool) -> float:
    weight = MENTIONED if is_mentioned else 1.0
    if len(name) >= LONG_NAME and SEVERAL_WORDS.search(name):
        weight *= SPEAKING
    if name.startswith("_"):
        weight *= PRIVATE
    return weight * COMMON if homes > MANY_FILES else weight


def page_rank(
    links: Sequence[tuple[str, str, float]], names: Sequence[str], start: str
) -> dict[str, float]:
    """The rank of every name; from where no link leads on, and now and then anyway, all goes back to `start`."""
    place = {name: index for index, name in enumerate(names)}
    home = np.full(len(names), 1 / len(names))
    if start in place:
        home = np.eye(len(names))[place[start]]
    flow = np.zeros((len(names), len(names)))
    for source, target, weight in links:
        flow[place[target], place[source]] += weight
    sums = flow.sum(0)
    flow[:, sums == 0] = home[:, None]
    flow /= np.where(sums == 0, 1.0, sums)
    ranks: NDArray[np.float64] = home.copy()
    for _ in range(ROUNDS):
        ranks = DAMPING * flow @ ranks + (1 - DAMPING) * home
    return dict(zip(names, ranks.tolist(), strict=True))


class Outline:
    """As much of the map as fits: signatures under their files' names."""

    def __init__(self, map_: RepositoryMap, packer: Packer) -> None:
        self._map = map_
        self._packer = packer

    def contexts(self, ask: Ask, budgets: Sequence[int]) -> list[Context]:
        """See `Arm.contexts`."""
        started = time.perf_counter()
        symbols = self._map.ranked(ask.spot.path, ask.cursor.prefix)
        ranked = list(dict.fromkeys(_signature(each) for each in self._with_holders(symbols)))
        spent = time.perf_counter() - started

        def chosen(budget: int) -> Chosen:
            return self._packer.pack(ranked, budget)

        return timed(chosen, budgets, spent)

    def _with_holders(self, symbols: Sequence[SymbolRecord]) -> Iterator[SymbolRecord]:
        """Each behind the class that it is in: a reader has to know whose a method is."""
        for symbol in symbols:
            if symbol.scope and (holder := self._map.holder(symbol)):
                yield holder
            yield symbol


def _signature(symbol: SymbolRecord) -> Passage:
    """The line of a definition in the map, without what follows."""
    depth = symbol.scope.count(".") + bool(symbol.scope)
    return Passage(symbol.path, symbol.line, symbol.line, f"{'    ' * depth}{symbol.signature}\n")
