"""Drawing scenes: which entries a working context has, so that good and bad ones are in it both ways.

Chunks are taken in the order of the feature scorer's scores with noise added, and some from anywhere; some are
opened into blocks. Some of all entries, half as a rule, are then put in detail, as far as the budget goes.
"""

import random
from collections.abc import Iterator

from megacontext.memory.focus import FeatureScorer, FocusQuery, Node, Position, Span, Weights
from megacontext.memory.focus.evidence import Evidence

from ....engine import WINDOW_BEFORE
from ...repositories import Repository
from ..settings import DrawSettings
from .places import Place
from .scene import Scene, in_reading_order

STRANGERS = 200
"""Chunks that are looked at for one from anywhere."""
DRAWN_BY = Weights(similar=0.4, cursor_defines=0.9, near=0.6, cursor_scale=1.0)
"""What scenes are drawn by, whatever weights ship, so that they stay the same and can be compared."""


def query_at(repository: Repository, place: Place, budget: int) -> FocusQuery:
    """What completion would ask at a cursor with nothing behind it, its tail being in the prompt."""
    tail = repository.model.decode(place.tail)
    first_line = place.line - tail.count("\n")
    return FocusQuery(
        at=Position(place.path, place.line),
        window=place.before[-WINDOW_BEFORE:],
        budget=budget,
        exclude=(Span(place.path, max(1, first_line)),),
    )


def draw_scene(
    repository: Repository, place: Place, settings: DrawSettings, seed: int
) -> Scene | None:
    """A scene at a place whose file is cut off there; None where the repository has too few chunks for one."""
    return _Drawing(repository, place, settings, seed).scene()


class _Drawing:
    """One drawing; the same seed and place, the same scene."""

    def __init__(
        self, repository: Repository, place: Place, settings: DrawSettings, seed: int
    ) -> None:
        self._repository = repository
        self._place = place
        self._settings = settings
        self._chance = random.Random(f"{seed}:{place.name}")  # noqa: S311  no secret
        self._tree = repository.lens.tree
        self._tree.refresh()
        budget = self._chance.randint(*settings.budget)
        self._query = query_at(repository, place, budget)

    def scene(self) -> Scene | None:
        nodes = self._entries()
        if len(nodes) < self._settings.entries[0]:
            return None
        ordered = in_reading_order(nodes)
        bare = Scene(self._repository, self._place, self._query, ordered, frozenset())
        detailed = self._detailed(bare)
        return Scene(self._repository, self._place, self._query, ordered, detailed)

    def _entries(self) -> list[Node]:
        wanted = self._chance.randint(*self._settings.entries)
        entries: list[Node] = []
        for chunk in self._chunks():
            opened = self._chance.random() < self._settings.opened
            parts = list(self._tree.children(chunk)) if opened else [chunk]
            if len(entries) + len(parts) <= self._settings.entries[1]:
                entries += parts
            if len(entries) >= wanted:
                break
        return entries

    def _chunks(self) -> Iterator[Node]:
        """Chunks that may be entries, each once: ranked ones, with strangers between them."""
        seen: set[Node] = set()
        ranked, strangers = self._ranked(), self._strangers()
        while True:
            source = strangers if self._chance.random() < self._settings.strangers else ranked
            node = next(source, None) or next(ranked, None)
            if node is None:
                return
            if node not in seen:
                seen.add(node)
                yield node

    def _ranked(self) -> Iterator[Node]:
        chunks = Evidence(self._tree, self._query).chunks.values()
        nodes = [node for node in map(self._tree.node_of, chunks) if self._is_usable(node)]
        nodes = list(in_reading_order(nodes))
        scores = FeatureScorer(self._tree, DRAWN_BY).score(nodes, self._query).tolist()
        noisy = [score + self._chance.gauss(0, self._settings.noise) for score in scores]
        order = sorted(range(len(nodes)), key=lambda index: -noisy[index])
        yield from (nodes[index] for index in order)

    def _strangers(self) -> Iterator[Node]:
        paths = self._repository.files
        for _ in range(STRANGERS):
            chunks = self._tree.chunks_of(self._chance.choice(paths))
            if chunks and self._is_usable(node := self._tree.node_of(self._chance.choice(chunks))):
                yield node

    def _is_usable(self, node: Node) -> bool:
        chunk = self._tree.chunk(node)
        if not 1 <= self._repository.gists.blocks(chunk) <= self._settings.longest:
            return False
        lines = chunk.start_line, chunk.end_line
        return not any(span.overlaps(chunk.path, *lines) for span in self._query.exclude)

    def _detailed(self, scene: Scene) -> frozenset[int]:
        """A drawn share of the entries, or as many as the budget holds."""
        cut = scene.base.copy()
        detailed: set[int] = set()
        order = list(range(len(scene.nodes)))
        self._chance.shuffle(order)
        least, most = self._settings.detailed
        share = least if least == most else self._chance.uniform(least, most)
        for index in order:
            if len(detailed) >= share * len(order):
                break
            tried = cut.copy()
            scene.expand(tried, index)
            if tried.total <= self._query.budget:
                cut = tried
                detailed.add(index)
        return frozenset(detailed)
