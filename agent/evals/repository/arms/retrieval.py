"""Retrieval: passages by BM25, and by how much each explains the text at the cursor."""

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from megacontext.memory.catalogue.terms import query_words
from megacontext.models.base import Text

from ...bm25 import Rarity, bm25_of
from ...measuring import Measurer
from .arm import Ask, Context, timed
from .packing import Packer, header
from .passages import Passage, Passages, passages_of


class Bm25:
    """Passages by Okapi BM25 for the text before the cursor, in all files: retrieval-augmented generation."""

    def __init__(self, passages: Passages, packer: Packer) -> None:
        self._passages = passages
        self._packer = packer

    def contexts(self, ask: Ask, budgets: Sequence[int]) -> list[Context]:
        """See `Arm.contexts`."""
        started = time.perf_counter()
        ranked = self.rank(ask)
        spent = time.perf_counter() - started
        return timed(lambda budget: self._packer.pack(ranked, budget), budgets, spent)

    def rank(self, ask: Ask) -> list[Passage]:
        """Passages that share a word with the question, best first."""
        own = passages_of(ask.spot.path, ask.above)
        return ranked_by_words(ask.window, [*own, *self._passages.but(ask.spot.path)])


def ranked_by_words(question: str, passages: Sequence[Passage]) -> list[Passage]:
    """Passages that share a word with a question, the best by BM25 first."""
    documents = [passage.words for passage in passages]
    rarity = Rarity.of_words(query_words(question), documents)
    scores = bm25_of(question, documents, rarity)
    order = np.argsort(-scores, kind="stable")
    return [passages[index] for index in order.tolist() if scores[index] > 0]


class Explaining:
    """Passages that lower the perplexity of the text at the cursor, chosen together by what they lower and cost.

    LongCodeZip (Shi et al. 2025): approximated mutual information is the perplexity of a text without a passage
    before it minus that with it; a knapsack fills the budget. Only BM25's best are read: each costs a forward.
    """

    def __init__(self, words: Bm25, packer: Packer, measurer: Measurer, candidates: int) -> None:
        self._words = words
        self._packer = packer
        self._measurer = measurer
        self._candidates = candidates

    def contexts(self, ask: Ask, budgets: Sequence[int]) -> list[Context]:
        """See `Arm.contexts`."""
        started = time.perf_counter()
        passages = self._words.rank(ask)[: self._candidates]
        path, text = ask.spot.path, ask.cursor.prefix
        worths = explained(self._measurer, path, text, passages).tolist()
        costs = [
            self._packer.cost([*header(self._measurer.model, each.path), Text(each.text)])
            for each in passages
        ]
        spent = time.perf_counter() - started

        def chosen(budget: int) -> list[Passage]:
            best = sorted(knapsack(worths, costs, budget), key=lambda index: -worths[index])
            return [passages[index] for index in best]

        return timed(lambda budget: self._packer.pack(chosen(budget), budget), budgets, spent)


def explained(
    measurer: Measurer, path: str, text: str, passages: Sequence[Passage]
) -> NDArray[np.float64]:
    """By how much each passage lowers the perplexity of a text that stands under `path` `[n]`."""
    model = measurer.model
    targets = model.encode(text)
    own = header(model, path)
    prompts = [own]
    prompts += [[*header(model, each.path), Text(each.text), *own] for each in passages]
    perplexities = np.exp(measurer.losses(prompts, targets) / len(targets))
    lowered: NDArray[np.float64] = perplexities[0] - perplexities[1:]
    return lowered


def knapsack(worths: Sequence[float], costs: Sequence[int], budget: int) -> list[int]:
    """The indices, in order, whose worths have the largest sum while their costs have at most `budget`.

    What is worth nothing is never taken.
    """
    best = np.zeros(budget + 1)
    taken = np.zeros((len(worths), budget + 1), bool)
    for index, (worth, cost) in enumerate(zip(worths, costs, strict=True)):
        if worth <= 0 or cost > budget:
            continue
        tried = best[: budget + 1 - cost] + worth
        taken[index, cost:] = tried > best[cost:]
        best[cost:] = np.maximum(best[cost:], tried)
    found, left = [], budget
    for index in reversed(range(len(worths))):
        if taken[index, left]:
            found.append(index)
            left -= costs[index]
    return found[::-1]
