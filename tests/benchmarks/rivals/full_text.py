"""SQLite's full text alone: passages in an FTS5 table, kept on disk, brought up to date before each answer."""

import sqlite3
from pathlib import Path

from megacontext.agent.evals.repository.arms.passages import Passage
from megacontext.memory.catalogue.terms import fts_query, query_words

from .answering import Answer
from .passages import Packer, Stamp, read_passages, stamps_of

MOST = 200
"""Rows that are read, at most."""


class FullText:
    """See `answering.Rival`."""

    def __init__(self, root: Path, state: Path, packer: Packer) -> None:
        self._root = root
        self._packer = packer
        self._db = sqlite3.connect(state / "passages.db", isolation_level=None)
        self._db.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
            "CREATE TABLE IF NOT EXISTS files(path TEXT PRIMARY KEY, changed INT, size INT);"
            "CREATE VIRTUAL TABLE IF NOT EXISTS passages USING fts5("
            "text, path UNINDEXED, first UNINDEXED, last UNINDEXED, tokenize = 'porter unicode61');"
        )

    def settle(self) -> None:
        """Nothing is made in the background."""

    def answer(self, question: str) -> Answer:
        """Passages that share a word with the question, best first by FTS5's own BM25."""
        self._refresh()
        words = query_words(question)
        if not words:
            return self._packer.pack(())
        rows = self._db.execute(
            "SELECT path, first, last, text FROM passages WHERE passages MATCH ? ORDER BY rank LIMIT ?",
            (fts_query(words), MOST),
        )
        return self._packer.pack(Passage(*row) for row in rows)

    def _refresh(self) -> None:
        now = stamps_of(self._root)
        known: dict[str, Stamp] = {
            path: (changed, size)
            for path, changed, size in self._db.execute("SELECT path, changed, size FROM files")
        }
        if now == known:
            return
        self._db.execute("BEGIN")
        for path in known.keys() | now.keys():
            if known.get(path) == now.get(path):
                continue
            if path in known:
                self._db.execute("DELETE FROM passages WHERE path = ?", (path,))
                self._db.execute("DELETE FROM files WHERE path = ?", (path,))
            if path in now:
                self._db.execute("INSERT INTO files VALUES (?, ?, ?)", (path, *now[path]))
                rows = [(p.text, p.path, p.first, p.last) for p in read_passages(self._root, path)]
                self._db.executemany("INSERT INTO passages VALUES (?, ?, ?, ?)", rows)
        self._db.execute("COMMIT")
