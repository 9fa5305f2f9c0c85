"""Writing the facts of files into the catalogue, many files a statement. Knows no model and no token."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from ..catalogue.terms import camel_words
from ..chunking import ChunkedFile
from .reading import FileText, Refusal

ChunkFacts = tuple[str, str, str, bytes, str]
"""(kind, symbol, outline, digest, references): a chunk row with the same facts keeps its id and its full text."""


class FactsWriter:
    """Replaces files of one source. All calls join the transaction that the caller has open."""

    def __init__(self, db: sqlite3.Connection, source_id: int) -> None:
        self.db = db
        self.source_id = source_id

    def replace(self, files: Sequence[tuple[FileText, ChunkedFile]]) -> None:
        """Make the catalogue say of each file exactly what its bytes say now."""
        self.forget_left_out(text.path for text, _ in files)
        next_id = self._next_chunk_id()
        chunk_rows: list[tuple[object, ...]] = []
        text_rows: list[tuple[int, str, str, str]] = []
        symbol_rows: list[tuple[object, ...]] = []
        dropped: list[int] = []
        for text, chunked in files:
            file_id, kept = self._file_row(text, chunked)
            ids: list[int] = []
            names = _names_by_chunk(chunked)
            for ordinal, (chunk, references) in enumerate(
                zip(chunked.chunks, chunked.references, strict=True)
            ):
                refs = " ".join(references)
                facts: ChunkFacts = (chunk.kind, chunk.symbol, chunk.outline, chunk.digest, refs)
                if kept[facts]:
                    chunk_id = kept[facts].pop()
                else:
                    chunk_id, next_id = next_id, next_id + 1
                    body = text.data[chunk.start : chunk.end].decode("utf-8", "replace")
                    words = " ".join(names[ordinal])
                    text_rows.append(
                        (chunk_id, text.path, f"{words} {camel_words(words + ' ' + refs)}", body)
                    )
                ids.append(chunk_id)
                chunk_rows.append(
                    (
                        chunk_id,
                        file_id,
                        ordinal,
                        chunk.start,
                        chunk.end,
                        chunk.start_line,
                        chunk.end_line,
                        *facts,
                    )
                )
            dropped.extend(id_ for left in kept.values() for id_ in left)
            symbol_rows.extend(
                (
                    file_id,
                    ids[ordinal],
                    symbol.name,
                    symbol.kind,
                    symbol.scope,
                    symbol.line,
                    symbol.start,
                    symbol.end,
                    symbol.signature,
                    symbol.doc,
                )
                for symbol, ordinal in zip(chunked.symbols, _owners(chunked), strict=True)
            )
        insert = self.db.executemany
        insert("DELETE FROM chunk_text WHERE rowid = ?", [(id_,) for id_ in dropped])
        insert("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", chunk_rows)
        insert("INSERT INTO chunk_text(rowid, path, names, body) VALUES (?, ?, ?, ?)", text_rows)
        insert("INSERT INTO symbols VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", symbol_rows)

    def _file_row(
        self, text: FileText, chunked: ChunkedFile
    ) -> tuple[int, dict[ChunkFacts, list[int]]]:
        """Insert or update the file; its id, and the ids of its old chunks by their facts."""
        directory = text.path.rpartition("/")[0]
        lines = text.data.count(b"\n") + (not text.data.endswith(b"\n") and bool(text.data))
        kept: dict[ChunkFacts, list[int]] = defaultdict(list)
        found = self.db.execute(
            "SELECT id FROM files WHERE source_id = ? AND path = ?", (self.source_id, text.path)
        ).fetchone()
        values = (
            text.digest,
            len(text.data),
            text.mtime_ns,
            chunked.language,
            lines,
            chunked.broken,
        )
        if found is None:
            self._add_directories(directory)
            cursor = self.db.execute(
                "INSERT INTO files(source_id, path, directory, digest, size, mtime_ns, language, lines, broken) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (self.source_id, text.path, directory, *values),
            )
            return int(cursor.lastrowid or 0), kept
        file_id = int(found[0])
        self.db.execute(
            "UPDATE files SET digest = ?, size = ?, mtime_ns = ?, language = ?, lines = ?, broken = ? WHERE id = ?",
            (*values, file_id),
        )
        old = self.db.execute(
            "SELECT id, kind, symbol, outline, digest, refs FROM chunks WHERE file_id = ? ORDER BY ordinal DESC",
            (file_id,),
        )
        for id_, *facts in old:
            kept[tuple(facts)].append(id_)
        self._delete_facts(file_id)
        return file_id, kept

    def _delete_facts(self, file_id: int) -> None:
        self.db.execute("DELETE FROM chunks WHERE file_id = ?", (file_id,))
        self.db.execute("DELETE FROM symbols WHERE file_id = ?", (file_id,))

    def _next_chunk_id(self) -> int:
        (last,) = self.db.execute("SELECT coalesce(max(id), 0) FROM chunks").fetchone()
        return int(last) + 1

    def _add_directories(self, directory: str) -> None:
        rows = [(self.source_id, path, parent) for path, parent in ancestors(directory)]
        self.db.executemany("INSERT OR IGNORE INTO directories VALUES (?, ?, ?)", rows)

    def touch(self, text: FileText) -> None:
        """Note the new time stamp of a file whose bytes are the same."""
        self.db.execute(
            "UPDATE files SET mtime_ns = ? WHERE source_id = ? AND path = ?",
            (text.mtime_ns, self.source_id, text.path),
        )

    def remove(self, paths: Iterable[str]) -> None:
        """Forget files, and directories that hold nothing any more."""
        for path in paths:
            row = self.db.execute(
                "DELETE FROM files WHERE source_id = ? AND path = ? RETURNING id, directory",
                (self.source_id, path),
            ).fetchone()
            if row is None:
                continue
            file_id, directory = row
            self.db.execute(
                "DELETE FROM chunk_text WHERE rowid IN (SELECT id FROM chunks WHERE file_id = ?)",
                (file_id,),
            )
            self._delete_facts(file_id)
            self._remove_empty(directory)

    def _remove_empty(self, directory: str) -> None:
        for path, parent in ancestors(directory):
            held = self.db.execute(
                "SELECT EXISTS(SELECT 1 FROM files WHERE source_id = ?1 AND directory = ?2) OR "
                "EXISTS(SELECT 1 FROM directories WHERE source_id = ?1 AND parent = ?2)",
                (self.source_id, path),
            ).fetchone()[0]
            if held or parent is None:
                return
            self.db.execute(
                "DELETE FROM directories WHERE source_id = ? AND path = ?", (self.source_id, path)
            )

    def leave_out(self, refusals: Iterable[Refusal]) -> None:
        """Note what stays out and why."""
        self.db.executemany(
            "INSERT OR REPLACE INTO left_out VALUES (?, ?, ?, ?, ?)",
            [
                (self.source_id, item.path, item.reason, item.size, item.mtime_ns)
                for item in refusals
            ],
        )

    def keep_left_out(self, judged: Iterable[str], passed_over: Mapping[str, str]) -> None:
        """After a whole pass: forget refusals of files that are not there now, and note what was passed over."""
        present = set(judged)
        rows = self.db.execute(
            "SELECT path FROM left_out WHERE source_id = ?", (self.source_id,)
        ).fetchall()
        self.forget_left_out(path for (path,) in rows if path not in present)
        self.leave_out(Refusal(path, reason, -1, -1) for path, reason in passed_over.items())

    def forget_left_out(self, paths: Iterable[str]) -> None:
        """Take back that these were left out."""
        self.db.executemany(
            "DELETE FROM left_out WHERE source_id = ? AND path = ?",
            [(self.source_id, path) for path in paths],
        )


def ancestors(directory: str) -> list[tuple[str, str | None]]:
    """`(path, parent)` of a directory and all above it, deepest first; the root is ("", None)."""
    rows: list[tuple[str, str | None]] = []
    while directory:
        parent = directory.rpartition("/")[0]
        rows.append((directory, parent))
        directory = parent
    return [*rows, ("", None)]


def _owners(chunked: ChunkedFile) -> list[int]:
    """For each symbol, the ordinal of the chunk its definition starts in."""
    owners = []
    ordinal = 0
    order = sorted(range(len(chunked.symbols)), key=lambda i: chunked.symbols[i].start)
    found = [0] * len(order)
    for index in order:
        while chunked.chunks[ordinal].end <= chunked.symbols[index].start:
            ordinal += 1
        found[index] = ordinal
    owners.extend(found)
    return owners


def _names_by_chunk(chunked: ChunkedFile) -> dict[int, list[str]]:
    names: dict[int, list[str]] = defaultdict(list)
    for symbol, ordinal in zip(chunked.symbols, _owners(chunked), strict=True):
        names[ordinal].append(symbol.name)
    return names
