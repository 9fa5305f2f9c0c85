"""Who says which entries deserve more detail: the protocol, and the scorer that weighs features.

A learned scorer joins through the same protocol with the features as its inputs. Knows no budget and no cost.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from typing import Protocol

import numpy as np

from .evidence import Evidence, Limits, lines_between
from .features import COLUMN, FEATURES, Array, Carried, FeatureTable
from .lru import Lru
from .node import DIRECTORY, Node
from .query import FocusQuery
from .tree_view import TreeView

CACHED_QUERIES = 4
MAX_REASONS = 3


class Scorer(Protocol):
    """Scores nodes of a tree for a query."""

    def score(self, nodes: Sequence[Node], query: FocusQuery) -> Array:
        """Signed scores `[n]`: above 0 expand, below 0 collapse; larger is more urgent.

        A score depends on the node, the query and the source alone, so a node is asked for once per focus.
        """

    def reasons(self, node: Node, query: FocusQuery) -> tuple[str, ...]:
        """Why a node has its score, for a person, the strongest first."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What each feature adds to a score, in the order of FEATURES, and where 0 lies.

    Chosen on 25 questions in other words than the code's, 150 docstrings and 150 call sites of Python's standard
    library, and checked on 24 other questions and on other packages; those that count for questions alone again on
    280 docstrings of seven packages, whole and their first sentences, each package with what the others taught; what
    counts at a cursor on 112 lines of the same packages, by what pocket loses on them.
    """

    bm25: float = 1.0
    covers: float = 0.8
    similar: float = 2.0
    company: float = 0.8
    defines: float = 0.9
    uses: float = 0.15
    imports: float = 0.05
    path: float = 0.3
    name: float = 0.7
    named: float = 0.6
    takes: float = 0.6
    near: float = 0.6
    recent: float = 0.1
    accessed: float = 0.1
    aside: float = -0.2
    level: float = 0.0
    span: float = 0.0
    minimum: float = 0.05
    """Taken off every sum: what weighs less is not worth its positions."""
    tail: float = 0.2
    """At least this share of the best sum is taken off, since sums mean little from one query to another."""

    cursor_defines: float = 0.4
    """What `defines` adds at a cursor: all names near it are defined somewhere, and few of them are needed next."""

    cursor_scale: float = 0.57
    """Brings scores at a cursor to the size that the allocator's patience with what stands there is set for."""

    def vector(self, query: FocusQuery) -> Array:
        """The weights of the features `[F]` for a question, or at a cursor."""
        values = np.array(astuple(self)[: len(FEATURES)], dtype=np.float32)
        if query.at is not None:
            values[COLUMN["defines"]] = self.cursor_defines
            values *= np.float32(self.cursor_scale)
        return values


@dataclass(frozen=True, slots=True)
class _Judged:
    """One query's evidence, weighed."""

    table: FeatureTable
    sums: Array
    """Of the table's rows `[m]`."""
    scores: Carried
    features: Carried


class FeatureScorer:
    """A weighted sum of features; a coarse node scores as the best chunk below it."""

    def __init__(
        self, tree: TreeView, weights: Weights | None = None, limits: Limits | None = None
    ) -> None:
        self.tree = tree
        self.limits = limits
        self.weights = weights or Weights()
        self._judged: Lru[tuple[FocusQuery, tuple[int, int]], _Judged] = Lru(CACHED_QUERIES)

    def score(self, nodes: Sequence[Node], query: FocusQuery) -> Array:
        """Signed scores `[n]`, about -1 … 3."""
        judged = self._judge(query)
        return np.array([judged.scores.at(node)[0] for node in nodes], dtype=np.float32)

    def reasons(self, node: Node, query: FocusQuery) -> tuple[str, ...]:
        """The features that add most to the score, strongest first."""
        judged = self._judge(query)
        row = judged.features.at(node)
        parts = row * self.weights.vector(query)
        best = [index for index in np.argsort(-parts)[:MAX_REASONS] if parts[index] > 0.01]
        return tuple(
            self._words(judged.table.evidence, node, FEATURES[index], float(row[index]))
            for index in best
        )

    def best(self, query: FocusQuery, most: int) -> list[float]:
        """The highest sums that chunks of this source have, best first; fit to be held against another source's."""
        # Nothing is taken off: what is, depends on the source's own best.
        return [float(value) for value in np.sort(self._judge(query).sums)[::-1][:most]]

    def _judge(self, query: FocusQuery) -> _Judged:
        # What speaks for a chunk does not depend on the room there is.
        key = replace(query, budget=0), self.tree.version
        judged = self._judged.get(key)
        if judged is None:
            table = FeatureTable(Evidence(self.tree, query, self.limits))
            vector, weights = self.weights.vector(query), self.weights
            sums: Array = table.rows @ vector
            zero = np.float32(max(weights.minimum, weights.tail * float(sums.max())))

            def unfound(path: str) -> Array:
                found: Array = np.atleast_1d(table.row_of_unfound(path) @ vector) - zero
                return found

            scores = Carried(table, sums[:, None] - zero, unfound)
            features = Carried(table, table.rows, table.row_of_unfound)
            judged = _Judged(table, sums, scores, features)
            self._judged.put(key, judged)
        return judged

    def _words(self, evidence: Evidence, node: Node, column: str, value: float) -> str:
        name = ""
        if node.level < DIRECTORY:
            for chunk in self.tree.chunks(node):
                finding = evidence.findings.get(chunk.id)
                name = name or (finding.names.get(column, "") if finding else "")
        match column:
            case "defines" | "uses":
                return f"{column} {name}" if name else f"{column} what is asked for"
            case "near":
                return self._nearness(evidence, node)
            case "imports":
                return "imported at the cursor"
            case "recent":
                return "lately edited"
            case "accessed":
                return "read in this session"
        return f"{LABELS.get(column, column)} {value:.2f}"

    def _nearness(self, evidence: Evidence, node: Node) -> str:
        at = evidence.query.at
        if at is None or node.level == DIRECTORY or node.path != at.path:
            return "near the cursor's file"
        lines = min(lines_between(chunk, at.line) for chunk in self.tree.chunks(node))
        return f"{lines} line{'s' * (lines != 1)} from the cursor" if lines else "at the cursor"


LABELS = {
    "covers": "covers the question",
    "similar": "like the text at the cursor",
    "company": "file matches",
    "path": "path matches",
    "name": "name matches",
    "named": "named by the question",
    "takes": "parameters match",
}
