"""Keys of files and directories, kept in step with their text. Knows storage, no text.

A change deletes the keys of its directories up to the root in the same transaction; `settle` makes missing ones
anew. So a pass that died half-way leaves nothing false behind, only something missing.
"""

from collections.abc import Iterable, Sequence

from ..tree.shape import TreeNode, directory_nodes, file_nodes
from ..tree.store import ChunkRows, TreeStore
from .facts import ancestors

NO_DIRECTORY = "/"
"""What the root lies in: no path at all, so that it is nobody's child."""


class Merkle:
    """The keys of one source in one tree. All calls join the transaction that the caller has open."""

    def __init__(self, store: TreeStore, source_id: int) -> None:
        self.store = store
        self.db = store.db
        self.source_id = source_id

    def place_file(self, path: str, chunks: Sequence[tuple[bytes, ChunkRows]]) -> None:
        """Record a file's nodes from its chunks, `(digest, rows)` in order."""
        nodes = file_nodes(self.store.spec.encoder, [(text, rows.key) for text, rows in chunks])
        self._place(path, nodes, is_directory=False, tokens=sum(rows.tokens for _, rows in chunks))

    def _place(
        self, path: str, nodes: Sequence[TreeNode], *, is_directory: bool, tokens: int
    ) -> None:
        self.store.add_nodes(nodes)
        directory = path.rpartition("/")[0] if path else NO_DIRECTORY
        top = nodes[-1]
        self.db.execute(
            "INSERT OR REPLACE INTO tree_paths VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                self.store.id,
                self.source_id,
                path,
                directory,
                is_directory,
                top.key,
                top.level,
                tokens,
            ),
        )

    def unsettle(self, paths: Iterable[str]) -> None:
        """Forget the keys of files and of every directory above them, in all trees: their text has changed."""
        gone = set(paths)
        trees = [tree_id for (tree_id,) in self.db.execute("SELECT id FROM trees")]
        above = {folder for path in gone for folder, _ in ancestors(path.rpartition("/")[0])}
        self.db.executemany(
            "DELETE FROM tree_paths WHERE tree_id = ? AND source_id = ? AND is_directory = ? AND path = ?",
            [(tree, self.source_id, 0, path) for tree in trees for path in gone]
            + [(tree, self.source_id, 1, path) for tree in trees for path in above],
        )

    def unplaced_files(self) -> list[str]:
        """Files of the catalogue that this tree has no key for."""
        return self._without_key("files", is_directory=False)

    def settle(self) -> None:
        """Make the missing keys of directories, deepest first."""
        self.db.execute("INSERT OR IGNORE INTO directories VALUES (?, '', NULL)", (self.source_id,))
        missing = self._without_key("directories", is_directory=True)
        for path in sorted(missing, key=lambda path: -len(path.split("/")) * bool(path)):
            children = self.children(path)
            named = [(child.rpartition("/")[2], key, level) for child, key, level, _ in children]
            nodes = directory_nodes(self.store.spec.encoder, named)
            self._place(
                path, nodes, is_directory=True, tokens=sum(tokens for *_, tokens in children)
            )

    def children(self, directory: str) -> list[tuple[str, bytes, int, int]]:
        """`(path, key, level, tokens)` of what lies directly in a directory, by path."""
        return self.db.execute(
            "SELECT path, key, level, tokens FROM tree_paths WHERE tree_id = ? AND source_id = ? AND directory = ? "
            "ORDER BY path",
            (self.store.id, self.source_id, directory),
        ).fetchall()

    def _without_key(self, table: str, *, is_directory: bool) -> list[str]:
        rows = self.db.execute(
            f"SELECT path FROM {table} t WHERE source_id = ?1 AND NOT EXISTS (SELECT 1 FROM tree_paths p "  # noqa: S608
            "WHERE p.tree_id = ?2 AND p.source_id = ?1 AND p.is_directory = ?3 AND p.path = t.path)",
            (self.source_id, self.store.id, is_directory),
        )
        return [path for (path,) in rows]
