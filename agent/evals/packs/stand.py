"""One repository with packs beside it, and ways to fill a budget there. Knows no task.

With the pack and without it are the same engine over the same memory: without, packs have no share of the budget.
"""

import time
from collections.abc import Sequence
from functools import cached_property

from megacontext.memory.focus import FocusQuery, Span
from megacontext.memory.focus.node import CHUNK
from megacontext.memory.packs.pack_memory import PackMemory
from megacontext.models.base import Text

from ...engine import Engine
from ..repositories import Repository
from ..repository.arms.arm import Ask, Context
from ..repository.arms.packing import Packer, header
from ..repository.arms.passages import Passage, passages_of
from ..repository.arms.retrieval import ranked_by_words

NONE, WITHOUT, PACK, BM25 = "none", "without", "pack", "bm25"
COMPARED = (WITHOUT, PACK, BM25)
"""At each budget."""
CODEC = "text"


def named(arm: str, budget: int) -> str:
    """`pack@256`."""
    return f"{arm}@{budget}"


class Stand:
    """A repository whose packs are mounted."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        settings = repository.workplace.settings
        engine = Engine(repository.workplace, repository.memory, repository.model)
        shareless = settings.packs.model_copy(update={"share": 0.0})
        self._engines = {
            PACK: engine,
            WITHOUT: engine.beside(settings.model_copy(update={"packs": shareless})),
        }
        self._packer = Packer(repository.model)

    @property
    def packs(self) -> list[PackMemory]:
        """What is mounted, open."""
        mounts = self.repository.memory.mounts
        return [each.memory for each in mounts.mounted()] if mounts is not None else []

    @cached_property
    def _passages(self) -> list[Passage]:
        """Of all texts of all packs."""
        return [
            passage
            for pack in self.packs
            for record in pack.catalogue.files()
            for passage in passages_of(
                f"{pack.label}/{record.path}", (pack.read(record.path) or b"").decode()
            )
        ]

    def places(self, arm: str, question: str, budget: int) -> list[Span]:
        """The lines that an arm shows for a question within a budget, best first."""
        if arm == BM25:
            return list(self._fitting(ranked_by_words(question, self._passages), budget))
        engine = self._engines[arm]
        engine.forget_focus()
        composed, _ = engine.focus_and_read(FocusQuery(text=question, budget=budget), CODEC)
        fine = [entry for entry in composed.entries if entry.level <= CHUNK]
        fine.sort(key=lambda entry: -entry.score)
        return [Span(entry.path, entry.start_line, entry.end_line) for entry in fine]

    def _fitting(self, ranked: Sequence[Passage], budget: int) -> list[Span]:
        """The first passages, until the next no longer fits."""
        found: list[Span] = []
        for each in ranked:
            budget -= self._packer.cost(
                [*header(self.repository.model, each.path), Text(each.text)]
            )
            if budget < 0:
                break
            found.append(Span(each.path, each.first, each.last))
        return found

    def context(self, arm: str, ask: Ask, budget: int) -> Context:
        """What an arm puts before the text at a cursor."""
        if arm == NONE:
            return Context((), "", 0.0)
        if arm == BM25:
            return self._retrieved(ask, budget)
        return _focused(self._engines[arm], ask, budget)

    def _retrieved(self, ask: Ask, budget: int) -> Context:
        started = time.perf_counter()
        ranked = ranked_by_words(ask.window, self._passages)
        segments, text = self._packer.pack(ranked, budget)
        return Context((*segments,), text, 1000 * (time.perf_counter() - started))


def _focused(engine: Engine, ask: Ask, budget: int) -> Context:
    """What a completion reads, chosen anew at every cursor."""
    query = FocusQuery(
        at=ask.cursor.at,
        window=ask.window,
        typed=ask.cursor.prefix.rpartition("\n")[2],
        budget=budget,
        exclude=(ask.cursor.span,),
    )
    engine.forget_focus()
    composed, read = engine.focus_and_read(query, CODEC, context="complete")
    started = time.perf_counter()
    names = engine.names_at(ask.spot.before, ask.cursor.at)
    took = composed.elapsed_ms + 1000 * (time.perf_counter() - started)
    return Context((*read.segments,), read.text, took, names)
