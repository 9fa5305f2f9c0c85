"""What the catalogue has to say about a query: candidate chunks and why each might matter.

Every finding is a number in [0, 1] under a named column, and some words for a person. Knows no weights: what a
finding is worth is the scorer's affair.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..catalogue import Catalogue, ChunkRecord, SearchHit, SymbolRecord
from ..catalogue.reader import MAX_MATCHES
from ..catalogue.terms import identifiers
from .query import FocusQuery
from .tree_view import TreeView
from .words import code_names, stems

MAX_HITS = 200
MAX_NAMES = 48
MAX_DEFINITIONS = 24
"""A name that is defined more often says too little about which one is meant."""
MAX_USERS = 16
FAR_IN_FILE = 0.1
"""How near the far end of the cursor's file is, between 0 (elsewhere) and 1 (under the cursor)."""
PLAIN_WORD = 0.2
"""How much a question's ordinary word counts as the name of a definition, against one written as code."""
ELSEWHERE = 0.5
"""How much a name near the cursor counts for a definition that its file neither holds nor seems to import."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far full text is looked into."""

    hits: int = MAX_HITS
    """Taken of the question; of the window, a third."""
    matches: int = MAX_MATCHES
    """See `Catalogue.search`."""
    found_only: bool = False
    """Whether files in which nothing was found are worth nothing, whatever they are called and wherever they lie."""

    @property
    def window_hits(self) -> int:
        """Taken of the window."""
        return self.hits // 3


@dataclass
class Finding:
    """What speaks for one chunk."""

    values: dict[str, float] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """The identifier behind a value, where there is one."""

    def note(self, column: str, value: float, name: str = "") -> None:
        """Keep the strongest value of a column."""
        if value > self.values.get(column, 0.0):
            self.values[column] = value
            self.names[column] = name


class Evidence:
    """The findings for one query, by chunk id, with the chunks themselves."""

    def __init__(self, tree: TreeView, query: FocusQuery, limits: Limits | None = None) -> None:
        self.tree = tree
        self.limits = limits or Limits()
        self.query = query
        self.asked = stems(query.text)
        self.findings: dict[int, Finding] = defaultdict(Finding)
        self.chunks: dict[int, ChunkRecord] = {}
        catalogue = tree.catalogue
        self.cursor = catalogue.chunk_at(query.at.path, query.at.line) if query.at else None
        self._search(catalogue)
        self._link(catalogue)
        self._look_around()
        missing = [id_ for id_ in self.findings if id_ not in self.chunks]
        self.chunks.update(catalogue.chunks(missing))
        # A hit can vanish between two questions to a catalogue that is being written.
        self.findings = {id_: found for id_, found in self.findings.items() if id_ in self.chunks}

    def _search(self, catalogue: Catalogue) -> None:
        query, limits = self.query, self.limits
        if query.text:
            hits = catalogue.search(query.text, limits.hits, limits.matches)
            self._take_hits("bm25", hits, query.strongest)
        if query.window:
            hits = catalogue.search(query.window, limits.window_hits, limits.matches)
            self._take_hits("similar", hits, 0.0 if query.text else query.strongest)

    def _take_hits(self, column: str, hits: list[SearchHit], elsewhere: float) -> None:
        best = max((hit.score for hit in hits), default=0.0)
        best = max(best, elsewhere)
        for hit in hits:
            if hit.score > 0:
                self.findings[hit.chunk_id].note(column, hit.score / best)

    # Definitions and uses

    def _link(self, catalogue: Catalogue) -> None:
        written = code_names(self.query.text)
        plain = [name for name in identifiers(self.query.text) if name not in written]
        near = [name for name in self._names_near_cursor() if name not in written]
        asked = set(written) | set(plain)
        for name in written[:MAX_NAMES]:
            self._define(catalogue.symbols_named(name, MAX_DEFINITIONS + 1), 1.0, asked)
        for name in plain[:MAX_NAMES]:
            self._define(catalogue.symbols_named(name, MAX_DEFINITIONS + 1), PLAIN_WORD, asked)
        home = self._names_at_home() if near else frozenset()
        for name in near[:MAX_NAMES]:
            weight = 1.0 if name in home else ELSEWHERE
            self._define(catalogue.symbols_named(name, MAX_DEFINITIONS + 1), weight, home)
        defined = (
            [self.cursor.symbol.rpartition(".")[2]] if self.cursor and self.cursor.symbol else []
        )
        for name in dict.fromkeys([*defined, *written[:4]]):
            self._use(name, catalogue.users_of(name, MAX_USERS))

    def _names_near_cursor(self) -> Iterable[str]:
        if self.query.window:
            return identifiers(self.query.window)
        return self.cursor.references if self.cursor else self.query.names

    def _names_at_home(self) -> frozenset[str]:
        """Names that the cursor's file holds or seems to import."""
        if self.query.names:
            return frozenset(self.query.names)
        return names_at_home(self.tree, self.query.at.path) if self.query.at else frozenset()

    def _define(self, symbols: list[SymbolRecord], weight: float, context: Iterable[str]) -> None:
        if len(symbols) > MAX_DEFINITIONS:
            return
        known = set(context)
        inside = [
            symbol
            for symbol in symbols
            if symbol.scope and symbol.scope.rpartition(".")[2] in known
        ]
        for symbol in symbols:
            # A class named beside its method says which of the namesakes is meant.
            sharers = len(inside) if symbol in inside else len(symbols)
            self.findings[symbol.chunk_id].note("defines", weight / sharers**0.5, symbol.name)

    def _use(self, name: str, users: list[ChunkRecord]) -> None:
        for chunk in users:
            self.chunks[chunk.id] = chunk
            self.findings[chunk.id].note("uses", 1 / len(users) ** 0.25, name)

    def _look_around(self) -> None:
        """The cursor's own file is always looked at, chunk by chunk."""
        if self.query.at is None:
            return
        for chunk in self.tree.chunks_of(self.query.at.path):
            self.chunks[chunk.id] = chunk
            self.findings[chunk.id].note("near", near_in_file(chunk, self.query.at.line))


def names_at_home(tree: TreeView, path: str) -> frozenset[str]:
    """Names that a file holds or seems to import: those its first chunks use, and its symbols."""
    chunks = tree.chunks_of(path)
    imported = {name for chunk in chunks[:2] for name in chunk.references}
    return frozenset(imported | {chunk.symbol.rpartition(".")[2] for chunk in chunks})


def near_in_file(chunk: ChunkRecord, line: int) -> float:
    """1 under the cursor, from a half beside it falling with the distance in lines."""
    lines = lines_between(chunk, line)
    return FAR_IN_FILE + (0.5 - FAR_IN_FILE) / (1 + lines / 20) if lines else 1.0


def lines_between(chunk: ChunkRecord, line: int) -> int:
    """Lines from a chunk to a 1-based line; 0 inside it."""
    return max(chunk.start_line - line, line - chunk.end_line, 0)
