"""Ways to find the chunk that a description is about. Knows no task."""

import random
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from megacontext.configs.settings import FocusSettings as Wanted
from megacontext.memory.catalogue import ChunkRecord
from megacontext.memory.catalogue.terms import query_words
from megacontext.memory.focus import FocusQuery, FocusSettings, Scorer, focus
from megacontext.memory.focus.node import CHUNK
from megacontext.models.base import Text, Tokens

from ...codecs import Lens
from ..bm25 import Rarity, bm25_of, counted
from ..lens.entrants import LENSNET
from ..measuring import Measurer
from ..repositories import Repository
from .arms.entrants import BM25, GIST, OUTLINE, TEXT
from .arms.focused import settings_of
from .arms.outline import RepositoryMap
from .arms.packing import header
from .bench import Bench

READ = 512
"""Tokens of a chunk that are read to see what it explains, at most."""

Place = tuple[str, int]
"""Of a chunk: path and ordinal."""


class Finder(Protocol):
    """Ranks the chunks of a repository in the state that it is in."""

    def find(self, description: str) -> Sequence[Place]:
        """The best first; what is not named was not found."""
        ...


class Chance:
    """Any order, drawn by the description."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def find(self, description: str) -> Sequence[Place]:
        """See `Finder.find`."""
        places = [place_of(chunk) for chunk in _chunks(self._repository)]
        random.Random(description).shuffle(places)  # noqa: S311  no secret
        return places


class ByWords:
    """BM25 over the text of chunks."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def find(self, description: str) -> Sequence[Place]:
        """See `Finder.find`."""
        return [place_of(chunk) for chunk in self.ranked(description)]

    def ranked(self, description: str) -> list[ChunkRecord]:
        """Chunks that share a word with the description, best first."""
        chunks = _chunks(self._repository)
        documents = [counted(_text(self._repository, chunk)) for chunk in chunks]
        rarity = Rarity.of_words(query_words(description), documents)
        scores = bm25_of(description, documents, rarity)
        order = np.argsort(-scores, kind="stable")
        return [chunks[index] for index in order.tolist() if scores[index] > 0]


class ByExplaining:
    """Of BM25's best chunks those first before which the description is least surprising, after LongCodeZip."""

    def __init__(
        self, repository: Repository, words: ByWords, measurer: Measurer, candidates: int
    ) -> None:
        self._repository = repository
        self._words = words
        self._measurer = measurer
        self._candidates = candidates

    def find(self, description: str) -> Sequence[Place]:
        """See `Finder.find`."""
        ranked = self._words.ranked(description)
        best, rest = ranked[: self._candidates], ranked[self._candidates :]
        model = self._measurer.model
        prompts = []
        for chunk in best:
            ids = model.encode(_text(self._repository, chunk))[:READ]
            prompts.append([*header(model, chunk.path), Tokens(tuple(ids)), Text("\n# ")])
        losses = self._measurer.losses(prompts, model.encode(description)) if best else np.zeros(0)
        order = np.argsort(losses, kind="stable").tolist()
        return [place_of(chunk) for chunk in [*(best[index] for index in order), *rest]]


class ByOutline:
    """The definitions of the outline map, drawn to the words of the description."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._map = RepositoryMap(repository)

    def find(self, description: str) -> Sequence[Place]:
        """See `Finder.find`."""
        catalogue = self._repository.memory.catalogue
        symbols = self._map.ranked("", description)
        chunks = (catalogue.chunk_at(symbol.path, symbol.line) for symbol in symbols)
        return list(dict.fromkeys(place_of(chunk) for chunk in chunks if chunk is not None))


class ByFocus:
    """The chunks in the working context of a question, best first: what `ask` shows without a model that chats."""

    def __init__(
        self, lens: Lens, wanted: Wanted, budget: int, scorer: Scorer | None = None
    ) -> None:
        self._lens = lens
        self._scorer = scorer or lens.scorer
        self._settings: FocusSettings = settings_of(wanted)
        self._budget = budget

    def find(self, description: str) -> Sequence[Place]:
        """See `Finder.find`."""
        query = FocusQuery(text=description, budget=self._budget)
        lens = self._lens
        found = focus(lens.tree, query, lens.numbered, self._scorer, settings=self._settings)
        fine = (entry.node for entry in found.entries if entry.level <= CHUNK)
        return list(dict.fromkeys((node.path, node.start) for node in fine))


def finders_of(repository: Repository, bench: Bench) -> dict[str, Finder]:
    """All of them by name, for one repository."""
    wanted, budget = repository.workplace.settings.focus, bench.settings.needles.budget
    words = ByWords(repository)
    found: dict[str, Finder] = {
        "random": Chance(repository),
        BM25: words,
        OUTLINE: ByOutline(repository),
        "ami": ByExplaining(repository, words, bench.measurer, bench.settings.candidates),
        TEXT: ByFocus(repository.text_lens, wanted, budget),
        GIST: ByFocus(repository.lens, wanted, budget),
    }
    for name, scorer in bench.lenses.scorers(repository, repository.lens.tree).items():
        found[name] = ByFocus(repository.lens, wanted, budget, scorer)
    return found


def names_of(bench: Bench) -> tuple[str, ...]:
    """The names of all finders."""
    common = ("random", BM25, OUTLINE, "ami", TEXT, GIST)
    return (*common, LENSNET) if bench.plan.lensnet else common


def place_of(chunk: ChunkRecord) -> Place:
    """Where a chunk is."""
    return chunk.path, chunk.ordinal


def _chunks(repository: Repository) -> list[ChunkRecord]:
    catalogue = repository.memory.catalogue
    return [chunk for file in catalogue.files() for chunk in catalogue.chunks_of(file.id)]


def _text(repository: Repository, chunk: ChunkRecord) -> str:
    return repository.model.decode(repository.tokens(repository.lens.tree.node_of(chunk)))
