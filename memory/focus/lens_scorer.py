"""The scorer that LensNet is: gists and features of nodes, read together with the query's gists.

Once per query LensNet reads all candidate chunks; other chunks, and blocks, are judged by what it took from them.
Files and directories score as the best candidate below them, since they are opened for its sake. Knows no budget.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import numpy as np
import torch

from megacontext.models.gist.gister import from_bits
from megacontext.models.lensnet import Asked, Entries, LensNet, Reading

from .features import COLUMN, Array, Carried, FeatureTable, spans_of
from .lru import Lru
from .node import BLOCK, CHUNK, DIRECTORY, FILE, Node
from .node_gists import Bits, NodeGists
from .query import FocusQuery
from .query_gists import QueryGists
from .scorer import CACHED_QUERIES, MAX_REASONS, FeatureScorer, Weights
from .tree_view import TreeView

OPENED_FILES = 8
"""Files of the best chunks, whose other chunks are judged together when the first of them is asked for."""
OPENED_CHUNKS = 32
"""Best chunks whose blocks are judged together when the first block is asked for."""
NOTABLE = 0.01
"""A likeness that adds less is no reason."""


@dataclass(frozen=True)
class _Looked:
    """One query, after LensNet has read the candidates."""

    table: FeatureTable
    reading: Reading
    coarse: Carried
    """Scores of files and directories."""
    likeness: Carried
    """How much more like the query than the average candidate a node is, in the score's units."""
    best: list[Node]
    """Candidate chunks, the best first."""
    judged: dict[Node, float]
    """Scores of chunks and blocks: of the candidates at first, and of what was asked for since."""
    foreseen: set[int] = field(default_factory=set)
    """Levels of which more than was asked for has been judged."""


class LensScorer(FeatureScorer):
    """LensNet in the feature scorer's place; for reasons it weighs features as LensNet does by now."""

    def __init__(
        self, tree: TreeView, lensnet: LensNet, gists: NodeGists, queries: QueryGists
    ) -> None:
        """`lensnet` reads these gists, and the features that FEATURES names, in that order."""
        used = (lensnet.learned_weights * lensnet.config.features).tolist()
        weights = dict(zip(lensnet.config.feature_names, used, strict=True))
        same = {"cursor_defines": weights["defines"], "cursor_scale": 1.0}
        super().__init__(tree, Weights(**weights, **same))
        self._lensnet = lensnet
        self._gists = gists
        self._queries = queries
        self._looked: Lru[tuple[FocusQuery, tuple[int, int]], _Looked] = Lru(CACHED_QUERIES)

    def score(self, nodes: Sequence[Node], query: FocusQuery) -> Array:
        """Signed scores `[n]`: squashed nats that detail saves, over what its positions must save."""
        looked = self._look(query)
        fine = [_judged_as(node) if node.level < FILE else None for node in nodes]
        judged, coarse = looked.judged, looked.coarse
        if unknown := {node for node in fine if node is not None and node not in judged}:
            self._judge_more(looked, unknown)
        scores = [
            coarse.at(node)[0] if key is None else judged[key]
            for node, key in zip(nodes, fine, strict=True)
        ]
        return np.array(scores, dtype=np.float32)

    def reasons(self, node: Node, query: FocusQuery) -> tuple[str, ...]:
        """Likeness to the query where that adds to the score, and the features that add most."""
        features = super().reasons(node, query)
        if self._look(query).likeness.at(node)[0] < NOTABLE:
            return features
        asked = "what is at the cursor" if query.at or query.window else "the question"
        return (f"like {asked}", *features)[:MAX_REASONS]

    def _look(self, query: FocusQuery) -> _Looked:
        key = query, self.tree.version
        looked = self._looked.get(key)
        if looked is None:
            looked = self._read(query)
            self._looked.put(key, looked)
        return looked

    @torch.inference_mode()
    def _read(self, query: FocusQuery) -> _Looked:
        table = self._judge(query).table
        nodes = [self.tree.node_of(chunk) for chunk in table.chunks]
        rows = _chunk_rows(table)
        entries = _entries(self._gists.first_slots(nodes), rows)
        verdict, reading = self._lensnet.consider(entries, _asked(self._queries.gists(query)))
        scores, likeness = verdict.scores[0].numpy(), verdict.likeness[0].numpy()
        count = max(1, len(nodes))
        vector = self.weights.vector(query)
        weighed = table.rows[: len(nodes)] @ vector
        # Nothing speaks for what has no candidates but features; what LensNet adds must not open all of it.
        added = min(float((scores - weighed).sum()) / count, -self.weights.minimum)
        more = likeness - likeness.sum() / count
        return _Looked(
            table=table,
            reading=reading,
            coarse=Carried(
                table,
                scores[:, None],
                lambda path: np.array([table.file_row(path) @ vector + added], np.float32),
            ),
            likeness=Carried(table, more[:, None], lambda path: np.zeros(1, np.float32)),
            best=[nodes[index] for index in np.argsort(-scores, kind="stable")],
            judged=dict(zip(nodes, scores.tolist(), strict=True)),
        )

    def _judge_more(self, looked: _Looked, asked: Set[Node]) -> None:
        """Score chunks and blocks by their own gists, and at first what may soon be asked for besides."""
        nodes = list(asked)
        for level in {node.level for node in nodes} - looked.foreseen:
            looked.foreseen.add(level)
            nodes += self._likely_chunks(looked) if level == CHUNK else self._likely_blocks(looked)
        nodes = [node for node in dict.fromkeys(nodes) if node not in looked.judged]
        rows = _fine_rows(looked.table, nodes)
        scores = self._scores_of(looked.reading, self._gists.first_slots(nodes), rows)
        looked.judged.update(zip(nodes, scores.tolist(), strict=True))

    def _likely_chunks(self, looked: _Looked) -> list[Node]:
        paths = list(dict.fromkeys(node.path for node in looked.best))[:OPENED_FILES]
        return [self.tree.node_of(chunk) for path in paths for chunk in self.tree.chunks_of(path)]

    def _likely_blocks(self, looked: _Looked) -> list[Node]:
        opened = (self.tree.children(chunk) for chunk in looked.best[:OPENED_CHUNKS])
        return [child for children in opened for child in children if child.level == BLOCK]

    @torch.inference_mode()
    def _scores_of(self, reading: Reading, gists: Bits, rows: Array) -> Array:
        scores: Array = self._lensnet.judge(_entries(gists, rows), reading).scores[0].numpy()
        return scores


def _chunk_rows(table: FeatureTable) -> Array:
    """What `table.features` gives for all candidates, without loading the chunks of their files."""
    rows = table.rows[: len(table.chunks)].copy()
    rows[:, COLUMN["level"]] = CHUNK / DIRECTORY
    rows[:, COLUMN["span"]] = spans_of([c.end_line - c.start_line + 1 for c in table.chunks])
    return rows


def _fine_rows(table: FeatureTable, nodes: Sequence[Node]) -> Array:
    """What `table.features` gives for chunks and blocks, which differ from their chunks in the level alone."""
    # Making tuples takes longer than all the rest of it.
    chunks = [
        node if node.level == CHUNK else node._replace(level=CHUNK, block=-1) for node in nodes
    ]
    places = {chunk: place for place, chunk in enumerate(dict.fromkeys(chunks))}
    rows: Array = table.features(list(places))[[places[chunk] for chunk in chunks]]
    rows[:, COLUMN["level"]] = [node.level / DIRECTORY for node in nodes]
    return rows


def _entries(gists: Bits, rows: Array) -> Entries:
    """All present, as one set."""
    return Entries(
        from_bits(gists)[None],
        torch.from_numpy(rows)[None],
        torch.ones(1, len(rows), dtype=torch.bool),
    )


def _asked(gists: Bits) -> Asked:
    return Asked(from_bits(gists)[None], torch.ones(1, len(gists), dtype=torch.bool))


def _judged_as(node: Node) -> Node:
    """The block or chunk that a node is or holds the tokens of."""
    level = BLOCK if node.block >= 0 else CHUNK
    return node if node.level == level else node._replace(level=level)
