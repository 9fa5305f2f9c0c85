"""Questions to the catalogue. Read-only; knows no model and no file system."""

import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from .records import ChunkRecord, FileRecord, LeftOut, SearchHit, SymbolRecord
from .terms import fts_query, query_words

FILE_COLUMNS = "id, source_id, path, directory, digest, size, mtime_ns, language, lines, broken"
CHUNK_COLUMNS = (
    'c.id, c.file_id, f.path, c.ordinal, c.start, c."end", c.start_line, c.end_line, c.kind, c.symbol, '
    "c.outline, c.digest, c.refs"
)
SYMBOL_COLUMNS = (
    's.name, s.kind, s.scope, s.line, s.start, s."end", s.signature, s.doc, s.chunk_id, f.path'
)
MAX_QUERY_WORDS = 24
COMMON_SHARE = 0.15
"""A word in more than this share of all chunks tells little and costs most of the query's time."""
MAX_MATCHES = 8_000
"""Chunks that the words of one query may be in, added up: BM25 takes about a microsecond for each."""
KEPT_SEARCHES = 4
"""One question is asked twice: of how much a source knows of it, and of what."""

_LIKE_MARKS = re.compile(r"[%_\\]")


class Catalogue:
    """Facts of one source (by default the repository, source 1), over an open connection.

    The connection may belong to the writer or be read-only; each call sees what is committed.
    """

    def __init__(self, db: sqlite3.Connection, source_id: int = 1) -> None:
        self.db = db
        self.source_id = source_id
        self._document_counts: dict[str, int] = {}
        self._searches: dict[tuple[str, int, int], list[SearchHit]] = {}
        self._chunks_held: int | None = None
        self._counted_at = (0, 0)

    def file(self, path: str) -> FileRecord | None:
        """The record of one path, None when it is not indexed."""
        rows = self._files("path = ?", (path,))
        return next(rows, None)

    def files(self) -> Iterator[FileRecord]:
        """Every file, ordered by path."""
        return self._files("1 ORDER BY path", ())

    def files_in(self, directory: str) -> list[FileRecord]:
        """The files directly in `directory` ("" is the root), ordered by path."""
        return list(self._files("directory = ? ORDER BY path", (directory,)))

    def paths_named(self, name: str) -> list[str]:
        """Paths of files of this name whatever their suffix, and of those below a directory of this name, ordered."""
        rows = self.db.execute(
            "SELECT path FROM files WHERE source_id = ? AND "
            "(path GLOB ? OR path GLOB ? OR path GLOB ? OR path GLOB ?) ORDER BY path",
            (self.source_id, f"{name}.*", f"*/{name}.*", f"{name}/*", f"*/{name}/*"),
        )
        return [path for (path,) in rows]

    def directories_in(self, directory: str) -> list[str]:
        """Paths of the directories directly in `directory` that hold an indexed file somewhere, ordered."""
        rows = self.db.execute(
            "SELECT path FROM directories WHERE source_id = ? AND parent = ? ORDER BY path",
            (self.source_id, directory),
        )
        return [path for (path,) in rows]

    def _files(self, condition: str, values: Sequence[object]) -> Iterator[FileRecord]:
        sql = f"SELECT {FILE_COLUMNS} FROM files WHERE source_id = ? AND {condition}"  # noqa: S608 - constants only
        for row in self.db.execute(sql, (self.source_id, *values)):
            record: list[Any] = [*row[:9], bool(row[9])]
            yield FileRecord(*record)

    def chunks_of(self, file_id: int) -> list[ChunkRecord]:
        """The chunks of one file, in order."""
        return self._chunks("c.file_id = ? ORDER BY c.ordinal", (file_id,))

    def chunks(self, ids: Iterable[int]) -> dict[int, ChunkRecord]:
        """The chunks with these ids; ids that are gone are missing from the answer."""
        wanted = list(ids)
        marks = ",".join("?" * len(wanted))
        return {chunk.id: chunk for chunk in self._chunks(f"c.id IN ({marks})", wanted)}

    def chunk_at(self, path: str, line: int) -> ChunkRecord | None:
        """The chunk of `path` that covers a 1-based line; the last chunk for a line past the end."""
        condition = (
            "f.source_id = ? AND f.path = ? AND c.start_line <= ? ORDER BY c.ordinal DESC LIMIT 1"
        )
        found = self._chunks(condition, (self.source_id, path, max(1, line)))
        return found[0] if found else None

    def _chunks(self, condition: str, values: Sequence[object]) -> list[ChunkRecord]:
        sql = f"SELECT {CHUNK_COLUMNS} FROM chunks c JOIN files f ON f.id = c.file_id WHERE {condition}"  # noqa: S608
        rows = ((*row[:12], tuple(row[12].split())) for row in self.db.execute(sql, values))
        return [ChunkRecord(*row) for row in rows]

    def symbols_named(self, name: str, limit: int = 64) -> list[SymbolRecord]:
        """Definitions with exactly this unqualified name."""
        return self._symbols("s.name = ? LIMIT ?", (name, limit))

    def symbols_of(self, file_id: int) -> list[SymbolRecord]:
        """Definitions in one file, in order of position."""
        return self._symbols("s.file_id = ? ORDER BY s.start", (file_id,))

    def symbols_like(self, text: str, limit: int = 100) -> list[SymbolRecord]:
        """Definitions whose name starts with `text`, case-sensitively, ordered by name."""
        upper = text + "\U0010ffff"
        return self._symbols(
            "s.name >= ? AND s.name < ? ORDER BY s.name LIMIT ?", (text, upper, limit)
        )

    def symbols_matching(self, text: str, limit: int = 100) -> list[SymbolRecord]:
        """Definitions whose name holds the characters of `text` in order, upper and lower case alike, best first.

        Exact names are the best, then names that begin with it, that hold it, and all others; of equals the shorter.
        """
        plain = _LIKE_MARKS.sub(r"\\\g<0>", text)
        spread = "%".join(_LIKE_MARKS.sub(r"\\\g<0>", char) for char in text)
        return self._symbols(
            r"s.name LIKE ? ESCAPE '\' ORDER BY CASE WHEN s.name = ? THEN 0 WHEN s.name LIKE ? ESCAPE '\' THEN 1 "
            r"WHEN s.name LIKE ? ESCAPE '\' THEN 2 ELSE 3 END, length(s.name), s.name, f.path, s.start LIMIT ?",
            (f"%{spread}%", text, f"{plain}%", f"%{plain}%", limit),
        )

    def _symbols(self, condition: str, values: Sequence[object]) -> list[SymbolRecord]:
        sql = (
            f"SELECT {SYMBOL_COLUMNS} FROM symbols s JOIN files f ON f.id = s.file_id "  # noqa: S608
            f"WHERE f.source_id = ? AND {condition}"
        )
        return [SymbolRecord(*row) for row in self.db.execute(sql, (self.source_id, *values))]

    def search(self, text: str, limit: int = 200, matches: int = MAX_MATCHES) -> list[SearchHit]:
        """Chunks that hold any word of `text`, best first by BM25 (path and names weigh more than the body).

        Of its words those are looked for that at most `matches` chunks hold, added up.
        """
        self._forget_old()
        key = text, limit, matches
        if key not in self._searches:
            while len(self._searches) >= KEPT_SEARCHES:
                del self._searches[next(iter(self._searches))]
            self._searches[key] = self._search(*key)
        return self._searches[key]

    def _search(self, text: str, limit: int, matches: int) -> list[SearchHit]:
        words = self.rare_words(query_words(text), matches)
        if not words:
            return []
        rows = self.db.execute(
            "SELECT c.id, c.file_id, -hit.score FROM "
            "(SELECT rowid AS id, bm25(chunk_text, 2.0, 3.0, 1.0) AS score FROM chunk_text "
            " WHERE chunk_text MATCH ? ORDER BY score LIMIT ?) hit "
            "JOIN chunks c ON c.id = hit.id JOIN files f ON f.id = c.file_id WHERE f.source_id = ? "
            "ORDER BY hit.score",
            (fts_query(words), limit, self.source_id),
        )
        return [SearchHit(*row) for row in rows]

    def rare_words(self, words: Sequence[str], most: int = MAX_MATCHES) -> list[str]:
        """`words` without the most common ones, rarest first, as many as MAX_QUERY_WORDS and `most` matches allow.

        A word that no chunk holds (after stemming) costs nothing and is kept; when every word is common, the
        rarest stays.
        """
        total = self.chunk_count()
        counted = sorted((self._document_count(word), word) for word in words)
        kept: list[str] = []
        matches = 0
        for count, word in counted[:MAX_QUERY_WORDS]:
            matches += count
            if kept and (count > max(64, COMMON_SHARE * total) or matches > most):
                break
            kept.append(word)
        return kept

    def chunk_count(self) -> int:
        """How many chunks there are."""
        self._forget_old()
        if self._chunks_held is None:
            (self._chunks_held,) = self.db.execute("SELECT count(*) FROM chunks").fetchone()
        return self._chunks_held

    def document_counts(self, words: Sequence[str]) -> dict[str, int]:
        """How many chunks hold each word, after stemming; close enough to tell common words from rare ones."""
        self._forget_old()
        return {word: self._document_count(word) for word in words}

    def _forget_old(self) -> None:
        # data_version counts commits of other connections, total_changes our own writes.
        now = self.db.execute("PRAGMA data_version").fetchone()[0], self.db.total_changes
        if now != self._counted_at:
            self._counted_at = now
            self._document_counts.clear()
            self._searches.clear()
            self._chunks_held = None

    def _document_count(self, word: str) -> int:
        if word not in self._document_counts:
            # fts5vocab knows stemmed terms; a prefix of the word is close enough to tell common from rare.
            row = self.db.execute(
                "SELECT max(doc) FROM chunk_terms WHERE term IN (?, ?, ?)",
                (word, word[:-1], word[:-2]),
            ).fetchone()
            self._document_counts[word] = int(row[0] or 0)
        return self._document_counts[word]

    def users_of(self, name: str, limit: int = 200) -> list[ChunkRecord]:
        """Chunks that use the identifier `name`, best BM25 first: found by full text, confirmed by their references."""
        phrase = '"' + name.replace('"', '""') + '"'
        rows = self.db.execute(
            "SELECT rowid FROM chunk_text WHERE chunk_text MATCH ? ORDER BY rank LIMIT ?",
            (phrase, limit * 4),
        )
        found = self.chunks(id_ for (id_,) in rows)
        return [chunk for chunk in found.values() if name in chunk.references][:limit]

    def stamps(self, table: Literal["files", "left_out"]) -> dict[str, tuple[int, int]]:
        """`(size in bytes, mtime in ns)` by path, of indexed or of left-out files; a negative mtime proves nothing."""
        rows = self.db.execute(
            f"SELECT path, size, mtime_ns FROM {table} WHERE source_id = ?",  # noqa: S608 - one of two names
            (self.source_id,),
        )
        return {path: (size, mtime_ns) for path, size, mtime_ns in rows}

    def state(self) -> str:
        """Fingerprint of the rules that the last whole pass left files out by; "" before it."""
        found = self.db.execute(
            "SELECT state FROM sources WHERE id = ?", (self.source_id,)
        ).fetchone()
        return str(found[0]) if found else ""

    def left_out(self) -> list[LeftOut]:
        """What was seen but not indexed, ordered by path."""
        rows = self.db.execute(
            "SELECT path, reason FROM left_out WHERE source_id = ? ORDER BY path", (self.source_id,)
        )
        return [LeftOut(*row) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many files, chunks and symbols the source has."""
        files = "FROM files WHERE source_id = ?"
        inner = "(SELECT id FROM files WHERE source_id = ?)"
        ask = {
            "files": f"SELECT count(*) {files}",
            "bytes": f"SELECT coalesce(sum(size), 0) {files}",
            "chunks": f"SELECT count(*) FROM chunks WHERE file_id IN {inner}",  # noqa: S608
            "symbols": f"SELECT count(*) FROM symbols WHERE file_id IN {inner}",  # noqa: S608
        }
        return {
            name: self.db.execute(sql, (self.source_id,)).fetchone()[0] for name, sql in ask.items()
        }
