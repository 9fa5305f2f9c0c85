"""Gists for what has none yet: blocks and chunks, then files and directories, bottom up.

Gists are a cache of the text, made in batches that commit on their own, so the work can stop anywhere and go on
later. Knows rows and keys; the vectors come from a gister.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..catalogue.connection import named_errors
from ..tree.shape import TreeNode
from ..tree.store import BLOCK_SIZE, ChunkRows
from .ingest import Ingest
from .report import OnProgress, Progress

BATCH_BLOCKS = 2_048
"""Blocks in one commit: 64k tokens, 8 MB of rows at width 256 and 8 slots."""

Bits = NDArray[np.uint16]
"""bf16 numbers as their raw bits."""


class Gister(Protocol):
    """What turns tokens and child gists into gists; rows do not depend on what else is in a call."""

    def encode_blocks(self, tokens: NDArray[np.int64], lengths: NDArray[np.int64]) -> Bits:
        """`tokens [n, 32]`, of which the first `lengths [n]` count, to `[n, slots, width]`."""
        ...

    def encode_children(self, children: Bits, lengths: NDArray[np.int64]) -> Bits:
        """`children [n, 32, width]` (first slots), of which the first `lengths [n]` count, to `[n, slots, width]`."""
        ...


@dataclass
class GistReport:
    """What one run made."""

    blocks: int = 0
    chunks: int = 0
    nodes: int = 0
    seconds: float = 0.0
    finished: bool = True
    """False when it was stopped before everything had a gist."""


class Gisting:
    """Makes the missing gists of one source."""

    def __init__(self, ingest: Ingest, gister: Gister) -> None:
        self.ingest = ingest
        self.store = ingest.store
        self.gister = gister
        self._width = self.store.spec.width
        self._slots = self.store.spec.slots

    def pending(self) -> int:
        """How many chunks of the source have no gist yet."""
        return len(self._pending_chunks())

    def run(
        self, on_progress: OnProgress | None = None, stopped: Callable[[], bool] = lambda: False
    ) -> GistReport:
        """Make all missing gists, or as many as there is time for until `stopped()`.

        Raises StoreFullError when the disk is full, StoreError for any other fault of the memory.
        """
        with named_errors():
            return self._run(on_progress, stopped)

    def _run(self, on_progress: OnProgress | None, stopped: Callable[[], bool]) -> GistReport:
        started = time.perf_counter()
        report = GistReport()
        chunks = self._pending_chunks()
        for batch in _batches(chunks):
            if stopped():
                report.finished = False
                break
            self._gist_chunks(batch)
            report.chunks += len(batch)
            report.blocks += sum(rows.blocks for _, rows in batch)
            if on_progress:
                on_progress(Progress("gists", report.chunks, len(chunks)))
        if report.finished:
            report.nodes = self._gist_nodes()
        report.seconds = time.perf_counter() - started
        return report

    def _pending_chunks(self) -> list[tuple[bytes, ChunkRows]]:
        with self.ingest.lock:
            found = self.ingest.db.execute(
                "SELECT DISTINCT c.digest FROM files f JOIN chunks c ON c.file_id = f.id "
                "JOIN tree_chunks t ON t.tree_id = ? AND t.digest = c.digest WHERE f.source_id = ? AND t.l1 IS NULL",
                (self.store.id, self.ingest.source_id),
            ).fetchall()
            return list(self.store.known(digest for (digest,) in found).items())

    def _gist_chunks(self, batch: Sequence[tuple[bytes, ChunkRows]]) -> None:
        tokens = [self.store.tokens(rows) for _, rows in batch]
        blocks, lengths = _padded([part for ids in tokens for part in _split(ids)], np.int64)
        first = self.gister.encode_blocks(blocks, lengths)[:, : self._slots]
        per_chunk = np.split(first, np.cumsum([rows.blocks for _, rows in batch])[:-1])
        groups = [part[:, 0] for gists in per_chunk for part in _split(gists)]
        second = self._encode_children(groups)
        tops = np.split(second, np.cumsum([rows.gists for _, rows in batch])[:-1])
        made = [
            (digest, _flat(low), _flat(high))
            for (digest, _), low, high in zip(batch, per_chunk, tops, strict=True)
        ]
        with self.ingest.transaction():
            self.store.add_chunk_gists(made)

    def _gist_nodes(self) -> int:
        by_level = self._pending_nodes()
        for level in sorted(by_level):
            nodes = by_level[level]
            for start in range(0, len(nodes), BATCH_BLOCKS):
                self._gist_level(level, nodes[start : start + BATCH_BLOCKS])
        return sum(len(nodes) for nodes in by_level.values())

    def _pending_nodes(self) -> dict[int, list[TreeNode]]:
        """Nodes below the root that have no gist, by level; below a node that has one, all have."""
        with self.ingest.lock:
            root = self.ingest.root_key()
            waiting, seen = [root] if root else [], set[bytes]()
            by_level: dict[int, list[TreeNode]] = {}
            while waiting:
                node = self.store.node(waiting.pop())
                if node is None or node.key in seen or self.store.has_gist(node.key):
                    continue
                seen.add(node.key)
                by_level.setdefault(node.level, []).append(node)
                waiting.extend(node.children)
        return by_level

    def _gist_level(self, level: int, nodes: Sequence[TreeNode]) -> None:
        with self.ingest.transaction():
            groups = [
                np.stack([self._child(key) for key in node.children])
                for node in nodes
                if node.children
            ]
            made = self._encode_children(groups) if groups else np.empty((0,), np.uint16)
            rows = iter(made)
            # A directory or file without content has nothing to say: zeros.
            empty = np.zeros((1, self._slots * self._width), np.uint16)
            gists = [
                (node.key, _flat(next(rows)[None]) if node.children else empty) for node in nodes
            ]
            self.store.add_node_gists(level, gists)

    def _encode_children(self, groups: Sequence[NDArray[np.generic]]) -> Bits:
        return self.gister.encode_children(*_padded(groups, np.uint16))[:, : self._slots]

    def _child(self, key: bytes) -> Bits:
        """The first slot `[width]` of a child's gist."""
        row = self.store.node_gist(key)
        if row is None:
            row = self.store.chunk_gist_of(key)
        bits: Bits = row[0, : self._width].astype(np.uint16, copy=False)
        return bits


def _batches(chunks: Sequence[tuple[bytes, ChunkRows]]) -> Iterator[list[tuple[bytes, ChunkRows]]]:
    batch: list[tuple[bytes, ChunkRows]] = []
    size = 0
    for item in chunks:
        batch.append(item)
        size += item[1].blocks
        if size >= BATCH_BLOCKS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _split(rows: NDArray[np.generic]) -> Iterable[NDArray[np.generic]]:
    return (rows[start : start + BLOCK_SIZE] for start in range(0, len(rows), BLOCK_SIZE))


def as_blocks(ids: NDArray[np.generic]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Token ids `[n]` of a chunk as blocks `[blocks, 32]`, zero-padded, and their lengths `[blocks]`."""
    return _padded(list(_split(ids)), np.int64)


def _padded(
    groups: Sequence[NDArray[np.generic]], dtype: type[np.generic]
) -> tuple[NDArray, NDArray[np.int64]]:  # type: ignore[type-arg]
    """Groups of at most 32 rows as one array `[n, 32, …]`, zero-padded, and their lengths `[n]`."""
    lengths = np.array([len(part) for part in groups], np.int64)
    padded = np.zeros((len(groups), BLOCK_SIZE, *groups[0].shape[1:]), dtype)
    for row, part in zip(padded, groups, strict=True):
        row[: len(part)] = part
    return padded, lengths


def _flat(gists: Bits) -> Bits:
    """`[n, slots, width]` to rows `[n, slots * width]`."""
    return gists.reshape(len(gists), -1)
