"""The scorer that LensNet is: gists and features of nodes, read together with the query's gists.

Once per query LensNet reads all candidate chunks; whatever else is asked for is judged by what it took from them.
Files and directories score as the best chunk below them, since they are opened for its sake. Knows no budget.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from megacontext.models.gist.gister import from_bits
from megacontext.models.lensnet import Asked, Entries, LensNet, Reading

from .features import COLUMN, LONGEST_SPAN, Array, Carried, FeatureTable
from .lru import Lru
from .node import BLOCK, CHUNK, DIRECTORY, Node
from .node_gists import Bits, NodeGists
from .query import FocusQuery
from .query_gists import QueryGists
from .scorer import CACHED_QUERIES, MAX_REASONS, FeatureScorer, Weights
from .tree_view import TreeView

OPENED_CHUNKS = 32
"""Best chunks whose blocks are judged together when the first block is asked for."""
NOTABLE = 0.01
"""A likeness that adds less is no reason."""


@dataclass(frozen=True)
class _Looked:
    """One query, after LensNet has read the candidates."""

    table: FeatureTable
    reading: Reading
    scores: Carried
    likeness: Carried
    """How much more like the query than the average candidate a node is, in the score's units."""
    best: list[Node]
    """Candidate chunks, the best first."""
    blocks: dict[Node, float] = field(default_factory=dict)
    """Scores of blocks judged so far."""


class LensScorer(FeatureScorer):
    """LensNet in the feature scorer's place; for reasons it weighs features as LensNet does by now."""

    def __init__(
        self, tree: TreeView, lensnet: LensNet, gists: NodeGists, queries: QueryGists
    ) -> None:
        """`lensnet` reads these gists, and the features that FEATURES names, in that order."""
        names, used = lensnet.config.feature_names, lensnet.weights * lensnet.config.features
        super().__init__(tree, Weights(**dict(zip(names, used.tolist(), strict=True))))
        self._lensnet = lensnet
        self._gists = gists
        self._queries = queries
        self._looked: Lru[tuple[FocusQuery, tuple[int, int]], _Looked] = Lru(CACHED_QUERIES)

    def score(self, nodes: Sequence[Node], query: FocusQuery) -> Array:
        """Signed scores `[n]`: squashed nats that detail saves, over what its positions must save."""
        looked = self._look(query)
        unknown = {_block(node) for node in nodes if node.block >= 0} - looked.blocks.keys()
        if unknown:
            self._judge_blocks(looked, unknown)
        scores = [
            looked.blocks[_block(node)] if node.block >= 0 else looked.scores.at(node)[0]
            for node in nodes
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
        typical = rows.sum(0) / max(1, len(rows))
        more = likeness - likeness.sum() / max(1, len(rows))
        return _Looked(
            table=table,
            reading=reading,
            scores=Carried(table, scores[:, None], self._unfound(table, reading, typical)),
            likeness=Carried(table, more[:, None], lambda path: np.zeros(1, np.float32)),
            best=[nodes[index] for index in np.argsort(-scores, kind="stable")],
        )

    def _unfound(
        self, table: FeatureTable, reading: Reading, typical: Array
    ) -> Callable[[str], Array]:
        """Scores of what is no candidate: one for all chunks with the same features, without their gists."""
        known: dict[bytes, Array] = {}

        def score(path: str) -> Array:
            row = table.file_row(path).copy()
            for column in ("level", "span"):
                row[COLUMN[column]] = typical[COLUMN[column]]
            key = row.tobytes()
            if key not in known:
                no_gist = np.zeros((1, self._gists.width), np.uint16)
                known[key] = self._scores_of(reading, no_gist, row[None])
            return known[key]

        return score

    def _judge_blocks(self, looked: _Looked, asked: set[Node]) -> None:
        """Score blocks by their own gists; at first those of all that may soon be opened along with them."""
        blocks = list(asked)
        if not looked.blocks:
            opened = (self.tree.children(chunk) for chunk in looked.best[:OPENED_CHUNKS])
            more = (child for children in opened for child in children if child.level == BLOCK)
            blocks = list(dict.fromkeys([*blocks, *more]))
        scores = self._scores_of(
            looked.reading, self._gists.first_slots(blocks), looked.table.features(blocks)
        )
        looked.blocks.update(zip(blocks, scores.tolist(), strict=True))

    @torch.inference_mode()
    def _scores_of(self, reading: Reading, gists: Bits, rows: Array) -> Array:
        scores: Array = self._lensnet.judge(_entries(gists, rows), reading).scores[0].numpy()
        return scores


def _chunk_rows(table: FeatureTable) -> Array:
    """What `table.features` gives for all candidates, without loading the chunks of their files."""
    rows = table.rows[: len(table.chunks)].copy()
    lines = np.array([chunk.end_line - chunk.start_line + 1 for chunk in table.chunks])
    rows[:, COLUMN["level"]] = CHUNK / DIRECTORY
    rows[:, COLUMN["span"]] = np.minimum(1.0, np.log1p(lines) / np.log1p(LONGEST_SPAN))
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


def _block(node: Node) -> Node:
    """The block that a node is or holds the tokens of."""
    return node._replace(level=BLOCK)
