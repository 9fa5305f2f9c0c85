"""One tree of a pack: token ids and gists as level files of their own, in the order of the texts.

A part holds no place and no key that the texts do not give: chunks come in the order of the files, their keys are made
of their tokens, and the root follows. So what is read fits the texts, or is refused. Knows no table of facts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from megacontext.configs.errors import PackError, PackRefusedError, StoreError

from ..tree.level_file import LevelFile
from ..tree.store import ChunkRows, Rows, TreeStore
from .container import PackFile
from .manifest import TreePart
from .tables import read_table, write_table

BATCH = 512
"""Chunks whose rows are in memory at once."""
Tokens = NDArray[np.uint32]


def part_of(tree: str, name: str) -> str:
    """The name of a part of a tree in a pack."""
    return f"trees/{tree}/{name}"


# Out


def write_tree(
    store: TreeStore, digests: Sequence[bytes], root: bytes, folder: Path, *, gists: bool
) -> dict[str, Path]:
    """Write a tree's rows for chunks, in this order, into a folder; the parts by their names in a pack."""
    known = store.known(digests)
    rows = [known[key] for key in digests]
    writer = _Writer(store, folder)
    writer.level(0, (store.tokens(row).reshape(-1, 1) for row in rows))
    sizes = [(key, row.tokens) for key, row in zip(digests, rows, strict=True)]
    writer.table("tokens", sizes)
    if gists:
        writer.level(1, (_made(store.block_gists(row)) for row in rows))
        writer.level(2, (_made(store.chunk_gists(row)) for row in rows))
        for level, keys in nodes_of(store, root).items():
            writer.level(level, (_made(store.node_gist(key)) for key in keys))
    return writer.parts


class _Writer:
    """Level files and tables of one tree in a folder."""

    def __init__(self, store: TreeStore, folder: Path) -> None:
        self.parts: dict[str, Path] = {}
        self._spec = store.spec
        self._folder = folder

    def _path(self, name: str) -> Path:
        path = self._folder / f"{self._spec.name}-{name}"
        self.parts[part_of(self._spec.name, name)] = path
        return path

    def level(self, level: int, extents: Iterable[Rows]) -> None:
        """One level file of all extents, one behind the other."""
        path = self._path(f"L{level}.ctx")
        file = LevelFile(path, self._spec.layout(level), writable=True)
        try:
            at = 0
            for batch in _batches(extents):
                joined = np.concatenate(batch)
                file.append(joined, at)  # type: ignore[arg-type]
                at += len(joined)
        finally:
            file.close()

    def table(self, name: str, rows: Sequence[tuple[bytes, int]]) -> None:
        """One table."""
        write_table(name, rows, self._path(f"{name}.parquet"))


def nodes_of(store: TreeStore, root: bytes) -> dict[int, list[bytes]]:
    """Keys of all file parts and folders by level, in the order in which their gists stand in a pack."""
    found: dict[bytes, int] = {}
    waiting = [root]
    while waiting:
        node = store.node(waiting.pop())
        if node is not None and node.key not in found:
            found[node.key] = node.level
            waiting.extend(node.children)
    levels: dict[int, list[bytes]] = {level: [] for level in sorted(found.values())}
    for key in sorted(found):
        levels[found[key]].append(key)
    return levels


def _made(rows: Rows | None) -> Rows:
    if rows is None:
        raise PackError("not everything has its gist yet; make the gists first")
    return rows


def _batches(extents: Iterable[Rows]) -> Iterator[list[Rows]]:
    batch: list[Rows] = []
    for extent in extents:
        batch.append(extent)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


# In


class TreeReader:
    """Reads the rows of one tree of a pack, whose level files were copied into a folder of our own."""

    def __init__(self, pack: PackFile, part: TreePart, folder: Path) -> None:
        """Raises PackRefusedError when a level file is of another model or encoder than the manifest says."""
        self.part = part
        self._pack = pack
        self._files: dict[int, LevelFile] = {}
        levels = [
            int(name.rpartition("/L")[2][:-4]) for name in self._names() if name.endswith(".ctx")
        ]
        for level in levels:
            path = folder / f"L{level}.ctx"
            pack.copy(part_of(part.spec.name, path.name), path)
            try:
                self._files[level] = LevelFile(path, part.spec.layout(level), writable=False)
            except StoreError as exc:
                raise PackRefusedError(
                    f"its L{level}.ctx is not of {part.base} with vectors of {part.width} × {part.slots}, as its "
                    "manifest says: it was made for another model or encoder"
                ) from exc

    def _names(self) -> list[str]:
        start = part_of(self.part.spec.name, "")
        return [name for name in self._pack.manifest.members if name.startswith(start)]

    def close(self) -> None:
        """Close the level files."""
        for file in self._files.values():
            file.close()

    def tokens(
        self,
        texts: dict[bytes, bytes],
        decode: Callable[[Sequence[int]], str],
        encode: Callable[[str], Sequence[int]],
    ) -> Iterator[tuple[bytes, Tokens]]:
        """Digest and token ids of each chunk; `texts` are the chunks by digest, in the order of the files.

        Raises PackRefusedError for tokens that are not those of the text: a model would read something else than
        people see.
        """
        sizes = self._table("tokens")
        if [key for key, _ in sizes] != list(texts):
            raise PackRefusedError("its tree is one of other texts")
        counts = [count for _, count in sizes]
        for (key, text), extent in zip(texts.items(), self._extents(0, counts), strict=True):
            ids = extent.reshape(-1).astype(np.uint32)
            plain = text.decode("utf-8", "replace")
            # A tokenizer may normalise what it reads; then it is asked itself.
            if decode(ids.tolist()) != plain and list(encode(plain)) != ids.tolist():
                raise PackRefusedError(
                    "its tokens are not those of its text: they were changed, or made with another tokenizer than "
                    "it says"
                )
            yield key, ids

    def chunk_gists(self, rows: Sequence[ChunkRows]) -> Iterator[tuple[Rows, Rows]]:
        """L1 and L2 rows of chunks, in the order of the files."""
        first = self._extents(1, [row.blocks for row in rows])
        second = self._extents(2, [row.gists for row in rows])
        return zip(first, second, strict=True)

    def node_gists(
        self, nodes: Mapping[int, Sequence[bytes]]
    ) -> Iterator[tuple[int, list[tuple[bytes, Rows]]]]:
        """For each level above the chunks, keys of its nodes with their rows; `nodes` are those of the texts."""
        for level, keys in nodes.items():
            extents = self._extents(level, [1] * len(keys))
            yield level, list(zip(keys, extents, strict=True))

    def _table(self, name: str) -> list[tuple[bytes, int]]:
        part = part_of(self.part.spec.name, f"{name}.parquet")
        if part not in self._pack.manifest.members:
            raise PackRefusedError(f"its tree {self.part.spec.name} has no table of {name}")
        return [(row[0], row[1]) for row in read_table(name, self._pack.read(part))]

    def _extents(self, level: int, counts: Sequence[int]) -> Iterator[Rows]:
        file = self._files.get(level)
        if file is None or min(counts, default=0) < 0 or file.rows != sum(counts):
            raise PackRefusedError(f"its L{level}.ctx has more or fewer rows than its texts give")
        at = 0
        for count in counts:
            yield file.read(at, count)
            at += count
