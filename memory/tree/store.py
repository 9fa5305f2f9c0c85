"""Rows of one tree: token ids and gists by content key, over level files and the tree_* tables.

Write order: append rows → fdatasync → commit in SQLite (the caller's transaction). Readers trust committed rows
only, and only when their CRC holds. Knows no repository: chunks are digests, text is token ids.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from megacontext.configs.errors import StoreDamagedError, StoreError

from .keys import KEY_SIZE, chunk_key
from .level_file import BFLOAT16, TOKEN_IDS, Layout, LevelFile
from .shape import TreeNode

BLOCK_SIZE = 32
"""Tokens in a block, blocks under a chunk gist, chunks under a file gist."""

Rows = NDArray[np.generic]
NO_TREE = 0
"""The id of a tree that is not there."""


@dataclass(frozen=True)
class TreeSpec:
    """Which base model and encoder a tree belongs to."""

    base: str
    """Short name of the base model, at most 40 bytes; part of the folder's name."""
    encoder: str
    """Identity of tokenizer and GistNet, hexadecimal; part of every key."""
    width: int
    """Numbers in one gist vector: the base model's hidden size."""
    slots: int
    """Vectors kept of each gist: 1, 2, 4 or 8."""

    @property
    def name(self) -> str:
        """The tree's folder."""
        return f"{self.base}-{self.encoder[:12]}"

    def layout(self, level: int) -> Layout:
        """The header of one of its level files."""
        if level == 0:
            return Layout(0, TOKEN_IDS, 1, BLOCK_SIZE, self.base)
        return Layout(level, BFLOAT16, self.width * self.slots, BLOCK_SIZE, self.base)


@dataclass(frozen=True, slots=True)
class ChunkRows:
    """Where the rows of one chunk lie: `l0`, `l1`, `l2` are first rows, None while there is no gist yet."""

    key: bytes
    tokens: int
    l0: int
    l0_crc: int
    l1: int | None
    l1_crc: int | None
    l2: int | None
    l2_crc: int | None

    @property
    def blocks(self) -> int:
        """How many L1 rows the chunk has."""
        return -(-self.tokens // BLOCK_SIZE)

    @property
    def gists(self) -> int:
        """How many L2 rows the chunk has: one, unless the tokenizer makes it longer than 32 blocks."""
        return -(-self.blocks // BLOCK_SIZE)


class TreeStore:
    """One tree. The connection is the catalogue's; a writer's calls join the transaction it has open."""

    def __init__(
        self,
        db: sqlite3.Connection,
        trees: Path,
        spec: TreeSpec,
        *,
        writable: bool,
        may_lack: bool = False,
    ) -> None:
        """Open the tree, creating it when `writable`; a torn tail is cut.

        Raises StoreError when a reader asks for a tree that is not there, unless it `may_lack`: then it has no row.
        """
        self.db = db
        self.spec = spec
        self.folder = trees / spec.name
        self.writable = writable
        self._files: dict[int, LevelFile] = {}
        row = db.execute("SELECT id FROM trees WHERE name = ?", (spec.name,)).fetchone()
        if row is None and may_lack:
            row = (NO_TREE,)
        if row is None and not writable:
            raise StoreError(f"no tree for {spec.name} yet; run `megacontext index`")
        if row is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            row = db.execute(
                "INSERT INTO trees(name, encoder, width, slots) VALUES (?, ?, ?, ?) RETURNING id",
                (spec.name, spec.encoder, spec.width, spec.slots),
            ).fetchone()
        self.id: int = row[0]
        self._tails = self.rows_per_level()
        if writable:
            self.folder.mkdir(parents=True, exist_ok=True)
            # A level file without a committed row may be a leftover too.
            levels = {int(path.stem[1:]): 0 for path in self.folder.glob("L*.ctx")}
            for level, rows in (levels | self._tails).items():
                self._mend(level, rows)

    def _file(self, level: int) -> LevelFile:
        if level not in self._files:
            path = self.folder / f"L{level}.ctx"
            self._files[level] = LevelFile(path, self.spec.layout(level), writable=self.writable)
        return self._files[level]

    def _mend(self, level: int, rows: int) -> None:
        """Cut a torn tail; forget committed rows that a shortened or overwritten file has lost."""
        path = self.folder / f"L{level}.ctx"
        try:
            file = self._file(level)
        except StoreDamagedError:  # one that cannot be opened just now is another matter, and stays
            path.unlink(missing_ok=True)
            file = self._file(level)
        file.cut(rows)
        if file.rows == rows:
            return
        self._tails[level] = left = file.rows
        lost = {
            0: "SELECT digest FROM tree_chunks WHERE tree_id = ?1 AND l0 + tokens > ?2",
            1: "SELECT digest FROM tree_chunks WHERE tree_id = ?1 AND l1 + (tokens + 31) / 32 > ?2",
            2: "SELECT digest FROM tree_chunks WHERE tree_id = ?1 AND l2 + (tokens + 1023) / 1024 > ?2",
        }.get(level, "SELECT key FROM tree_nodes WHERE tree_id = ?1 AND level = ?3 AND row >= ?2")
        values = (self.id, left, level)[: 3 if "?3" in lost else 2]
        self.db.execute("BEGIN IMMEDIATE")
        keys = [key for (key,) in self.db.execute(lost, values)]
        if level > 2:
            self.forget_node_gists(keys)
        else:
            self.forget_gists(keys)
        if level == 0:
            self.forget_chunks(keys)
            # A file without its chunks' tokens is unplaced, and so read again by the next pass.
            self.db.execute("DELETE FROM tree_paths WHERE tree_id = ?", (self.id,))
        self.db.execute(
            "UPDATE trees SET tails = ? WHERE id = ?", (json.dumps(self._tails), self.id)
        )
        self.db.execute("COMMIT")

    def forget_uncommitted(self) -> None:
        """After a rollback: the next append overwrites rows that were never committed."""
        self._tails = self.rows_per_level()

    def close(self) -> None:
        """Close the level files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    # Writing

    def append(self, level: int, extents: Sequence[Rows]) -> list[tuple[int, int]]:
        """Append extents of rows to a level and make them durable; `(first row, crc)` of each.

        Nothing is visible before the caller records and commits them.
        """
        if not extents:
            return []
        file = self._file(level)
        start = at = self._tails.get(level, 0)
        placed = []
        for extent in extents:
            placed.append((at, crc(extent)))
            at += len(extent)
        file.append(np.concatenate(extents), start)  # type: ignore[arg-type]
        file.sync()
        self._tails[level] = at
        self.db.execute(
            "UPDATE trees SET tails = ? WHERE id = ?", (json.dumps(self._tails), self.id)
        )
        return placed

    def add_tokens(self, chunks: Sequence[tuple[bytes, NDArray[np.uint32]]]) -> None:
        """Record the token ids `[n]` of chunks, by the digest of their text."""
        placed = self.append(0, [tokens.reshape(-1, 1) for _, tokens in chunks])
        self.db.executemany(
            "INSERT OR REPLACE INTO tree_chunks(tree_id, digest, key, tokens, l0, l0_crc) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (self.id, digest, chunk_key(self.spec.encoder, tokens), len(tokens), first, check)
                for (digest, tokens), (first, check) in zip(chunks, placed, strict=True)
            ],
        )

    def add_chunk_gists(self, chunks: Sequence[tuple[bytes, Rows, Rows]]) -> None:
        """Record `(digest, L1 rows [blocks, width], L2 rows [gists, width])`, raw bf16 bits."""
        first = self.append(1, [blocks for _, blocks, _ in chunks])
        second = self.append(2, [gists for _, _, gists in chunks])
        self.db.executemany(
            "UPDATE tree_chunks SET l1 = ?, l1_crc = ?, l2 = ?, l2_crc = ? WHERE tree_id = ? AND digest = ?",
            [
                (*one, *two, self.id, chunk[0])
                for chunk, one, two in zip(chunks, first, second, strict=True)
            ],
        )

    def add_nodes(self, nodes: Iterable[TreeNode]) -> None:
        """Record nodes of L3 and above; an equal one is kept with its gist."""
        self.db.executemany(
            "INSERT OR IGNORE INTO tree_nodes(tree_id, key, level, children) VALUES (?, ?, ?, ?)",
            [(self.id, node.key, node.level, b"".join(node.children)) for node in nodes],
        )

    def add_node_gists(self, level: int, gists: Sequence[tuple[bytes, Rows]]) -> None:
        """Record `(node key, gist row [1, width])` of nodes of one level."""
        placed = self.append(level, [row for _, row in gists])
        self.db.executemany(
            "UPDATE tree_nodes SET row = ?, crc = ? WHERE tree_id = ? AND key = ?",
            [
                (row, check, self.id, key)
                for (key, _), (row, check) in zip(gists, placed, strict=True)
            ],
        )

    def forget_gists(self, digests: Iterable[bytes]) -> None:
        """Drop damaged gists of chunks, to be made again, and of all nodes above them."""
        digests = set(digests)
        self._forget_above({rows.key for rows in self.known(digests).values()})
        self.db.executemany(
            "UPDATE tree_chunks SET l1 = NULL, l1_crc = NULL, l2 = NULL, l2_crc = NULL "
            "WHERE tree_id = ? AND digest = ?",
            [(self.id, digest) for digest in digests],
        )

    def forget_node_gists(self, keys: Iterable[bytes]) -> None:
        """Drop damaged gists of nodes, to be made again, and of all nodes above them."""
        keys = set(keys)
        self._forget_rows(keys)
        self._forget_above(keys)

    def _forget_above(self, keys: set[bytes]) -> None:
        # What makes gists trusts that all below a node with a gist have theirs.
        while keys:
            found = self.db.execute(
                "SELECT key, children FROM tree_nodes WHERE tree_id = ?", (self.id,)
            )
            keys = {key for key, joined in found if not keys.isdisjoint(_children(joined))}
            self._forget_rows(keys)

    def _forget_rows(self, keys: Iterable[bytes]) -> None:
        self.db.executemany(
            "UPDATE tree_nodes SET row = NULL, crc = NULL WHERE tree_id = ? AND key = ?",
            [(self.id, key) for key in keys],
        )

    def forget_chunks(self, digests: Iterable[bytes]) -> None:
        """Drop damaged chunks altogether, to be tokenized again."""
        self.db.executemany(
            "DELETE FROM tree_chunks WHERE tree_id = ? AND digest = ?",
            [(self.id, digest) for digest in digests],
        )

    # Reading

    def known(self, digests: Iterable[bytes]) -> dict[bytes, ChunkRows]:
        """The rows of those chunks that have their token ids."""
        wanted = list(digests)
        found: dict[bytes, ChunkRows] = {}
        for part in range(0, len(wanted), 500):
            batch = wanted[part : part + 500]
            rows = self.db.execute(
                "SELECT digest, key, tokens, l0, l0_crc, l1, l1_crc, l2, l2_crc FROM tree_chunks "  # noqa: S608
                f"WHERE tree_id = ? AND digest IN ({','.join('?' * len(batch))})",
                (self.id, *batch),
            )
            found.update((row[0], ChunkRows(*row[1:])) for row in rows)
        return found

    def tokens(self, rows: ChunkRows) -> NDArray[np.uint32]:
        """Token ids `[n]` of a chunk, a view of the file; raises StoreError when the row is damaged."""
        return self._checked(0, rows.l0, rows.tokens, rows.l0_crc).reshape(-1)  # type: ignore[return-value]

    def block_gists(self, rows: ChunkRows) -> Rows | None:
        """L1 rows `[blocks, slots * width]`, raw bf16 bits; None before they are made."""
        if rows.l1 is None or rows.l1_crc is None:
            return None
        return self._checked(1, rows.l1, rows.blocks, rows.l1_crc)

    def chunk_gists(self, rows: ChunkRows) -> Rows | None:
        """L2 rows `[gists, slots * width]`, raw bf16 bits; None before they are made."""
        if rows.l2 is None or rows.l2_crc is None:
            return None
        return self._checked(2, rows.l2, rows.gists, rows.l2_crc)

    def node(self, key: bytes) -> TreeNode | None:
        """A node of L3 and above by its key; None for a chunk's key."""
        found = self.db.execute(
            "SELECT level, children FROM tree_nodes WHERE tree_id = ? AND key = ?", (self.id, key)
        ).fetchone()
        if found is None:
            return None
        return TreeNode(key, found[0], _children(found[1]))

    def has_gist(self, key: bytes) -> bool:
        """Whether the gist of a node of L3 and above is made."""
        found = self.db.execute(
            "SELECT row FROM tree_nodes WHERE tree_id = ? AND key = ?", (self.id, key)
        ).fetchone()
        return found is not None and found[0] is not None

    def node_gist(self, key: bytes) -> Rows | None:
        """The gist row `[1, slots * width]` of a node of L3 and above; None before it is made."""
        found = self.db.execute(
            "SELECT level, row, crc FROM tree_nodes WHERE tree_id = ? AND key = ?", (self.id, key)
        ).fetchone()
        if found is None or found[1] is None:
            return None
        return self._checked(found[0], found[1], 1, found[2])

    def chunk_gist_of(self, key: bytes) -> Rows:
        """The first L2 row `[1, slots * width]` of a chunk by its own key, not its text's digest.

        Raises StoreError when the chunk is not there or has no gist.
        """
        found = self.db.execute(
            "SELECT digest FROM tree_chunks WHERE tree_id = ? AND key = ? AND l2 IS NOT NULL LIMIT 1",
            (self.id, key),
        ).fetchone()
        gists = self.chunk_gists(self.known([found[0]])[found[0]]) if found else None
        if gists is None:
            raise StoreError(
                f"{self.folder.name} lacks a chunk that a file is made of; run `megacontext verify --repair`"
            )
        return gists[:1]

    def _checked(self, level: int, start: int, count: int, expected: int) -> Rows:
        rows = self._file(level).read(start, count)
        if crc(rows) != expected:
            raise StoreDamagedError(
                f"a row of {self.folder.name}/L{level}.ctx is damaged; "
                "run `megacontext verify --repair` to make it again"
            )
        return rows

    def rows_per_level(self) -> dict[int, int]:
        """Committed rows in each level file."""
        found = self.db.execute("SELECT tails FROM trees WHERE id = ?", (self.id,)).fetchone()
        tails = found[0] if found else "{}"
        return {
            int(level): rows
            for level, rows in sorted(json.loads(tails).items(), key=lambda item: int(item[0]))
        }

    def path_key(
        self, source_id: int, path: str, *, directory: bool
    ) -> tuple[bytes, int, int] | None:
        """`(key, level, tokens)` of a file or directory; None when it is not settled."""
        found = self.db.execute(
            "SELECT key, level, tokens FROM tree_paths "
            "WHERE tree_id = ? AND source_id = ? AND is_directory = ? AND path = ?",
            (self.id, source_id, directory, path),
        ).fetchone()
        return None if found is None else (found[0], found[1], found[2])


def _children(joined: bytes) -> tuple[bytes, ...]:
    return tuple(joined[at : at + KEY_SIZE] for at in range(0, len(joined), KEY_SIZE))


def crc(rows: Rows) -> int:
    """CRC-32 of the bytes of some rows."""
    return zlib.crc32(np.ascontiguousarray(rows).tobytes())
