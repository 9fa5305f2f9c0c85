"""Descendant recall: do coarse gists lead to the file that a cursor needs?

Where the next tokens use a definition of another file, all other files of the repository are ranked by how like
their gists are to those of the text before the cursor: by the file's own (L3), by its chunks' (L2) or its blocks'
(L1). Knows no loss.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from megacontext.memory.focus import Node, Scorer
from megacontext.memory.focus.node import FILE
from megacontext.memory.focus.node_gists import NodeGists
from megacontext.memory.focus.query_gists import QueryGists
from megacontext.models.evaluation.bootstrap import Bootstrap, Interval
from megacontext.models.gist.gister import from_bits
from megacontext.models.lens.tail_gists import TailGistCache

from ..bm25 import Rarity, bm25
from ..repositories import Repository
from .scenes.drawing import query_at
from .scenes.places import Place

LEVELS = ("L3", "L2", "L1")
CONTROLS = ("random", "mean_embeddings", "bm25")
Scores = Sequence[float] | NDArray[np.floating]


@dataclass(frozen=True)
class Found:
    """One cursor: how many files stand before the first that holds the definition, by way of ranking."""

    file: str
    others: int
    """Files that were ranked."""
    ranks: Mapping[str, int]


class FileVectors:
    """The gists of all files of one repository, of each level, and mean embeddings of their tokens."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        gists = NodeGists(repository.memory)
        tree = repository.lens.tree
        self.paths = repository.files
        nodes: dict[str, list[Node]] = {level: [] for level in LEVELS}
        owners: dict[str, list[int]] = {level: [] for level in LEVELS}
        for owner, path in enumerate(self.paths):
            chunks = [tree.node_of(chunk) for chunk in tree.chunks_of(path)]
            blocks = [block for chunk in chunks for block in tree.children(chunk)]
            for level, own in zip(LEVELS, ([Node(FILE, path)], chunks, blocks), strict=True):
                nodes[level] += own
                owners[level] += [owner] * len(own)
        self._owners = {level: torch.tensor(found) for level, found in owners.items()}
        rows = {
            level: from_bits(gists.first_slots(found)).float() for level, found in nodes.items()
        }
        self._centre = {level: found.mean(0) for level, found in rows.items()}
        self._vectors = {level: _unit(found - self._centre[level]) for level, found in rows.items()}
        self._means = _unit(torch.stack([self._mean_embedding(path) for path in self.paths]))

    def like(self, level: str, query: Tensor) -> dict[str, Tensor]:
        """For each file, how like its gists are to those of a query `[m, d]`.

        Cosines, after what all gists have in common is taken off: "max" is the best of any gist to any of the
        query's, "late" the mean over the query's gists of the best to each (Khattab and Zaharia 2020).
        """
        asked = _unit(query.float() - self._centre["L1"])
        alike = self._vectors[level] @ asked.T
        best = torch.full((len(self.paths), len(asked)), -1.0)
        owners = self._owners[level][:, None].expand_as(alike)
        best.scatter_reduce_(0, owners, alike, "amax")
        return {f"{level} late": best.mean(1), f"{level} max": best.amax(1)}

    def like_means(self, ids: Sequence[int]) -> Tensor:
        """For each file, the cosine of the mean embeddings of its tokens and of some others."""
        return self._means @ _unit(self._mean(ids))

    def _mean_embedding(self, path: str) -> Tensor:
        tree = self._repository.lens.tree
        nodes = map(tree.node_of, tree.chunks_of(path))
        return self._mean([token for node in nodes for token in self._repository.tokens(node)])

    def _mean(self, ids: Sequence[int]) -> Tensor:
        model = self._repository.model
        if not ids:
            return torch.zeros(model.hidden_size)
        return model.embed(ids).float().mean(0).cpu()


def find_homes(
    repository: Repository, places: Sequence[Place], scorers: Mapping[str, Scorer]
) -> Iterator[Found]:
    """Rank the files of one repository for each of its places, which all need one."""
    vectors = FileVectors(repository)
    texts = [repository.text(path) for path in vectors.paths]
    rarity = Rarity.among(texts)
    files = [Node(FILE, path) for path in vectors.paths]
    for place in places:
        with repository.edited(place.path, place.before.encode()):
            query = query_at(repository, place, 0)
            cache, memory = TailGistCache(repository.gister), repository.memory
            asked = from_bits(QueryGists(cache, memory.tokenizer, memory.read).gists(query))
            scores: dict[str, Scores] = {
                name: scorer.score(files, query) for name, scorer in scorers.items()
            }
        for level in LEVELS:
            scores |= {name: found.numpy() for name, found in vectors.like(level, asked).items()}
        before = repository.model.encode(place.before)[-cache.tail_tokens :]
        scores["mean_embeddings"] = vectors.like_means(before).numpy()
        scores["bm25"] = bm25(repository.model.decode(before), texts, rarity)
        scores["random"] = np.zeros(len(texts))
        yield _found(place, vectors.paths, scores)


def _found(place: Place, paths: Sequence[str], scores: Mapping[str, Scores]) -> Found:
    others = [index for index, path in enumerate(paths) if path != place.path]
    # Equals stand in an order that has nothing to do with where the definition is.
    random.Random(place.name).shuffle(others)  # noqa: S311  no secret
    ranks = {}
    for name, values in scores.items():
        ordered = sorted(others, key=lambda index: -float(values[index]))
        ranks[name] = min(at for at, index in enumerate(ordered) if paths[index] in place.homes)
    return Found(f"{place.repo}:{place.path}", len(others), ranks)


def recall_at(
    found: Sequence[Found], at: Sequence[int], seed: int
) -> dict[str, dict[str, Interval]]:
    """For each way of ranking, the share of cursors whose file is among the first k; resampled by file."""
    bootstrap = Bootstrap([each.file for each in found], seed=seed)
    return {
        name: {
            str(k): bootstrap.mean(np.array([float(each.ranks[name] < k) for each in found]))
            for k in at
        }
        for name in found[0].ranks
    }


def _unit(rows: Tensor) -> Tensor:
    return functional.normalize(rows, dim=-1)
