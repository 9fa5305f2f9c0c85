"""A small repository on disk with a real catalogue over it, whose chunks a test decides itself."""

import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from megacontext.memory.catalogue import Catalogue, ChunkRecord
from megacontext.memory.catalogue.schema import migrate
from megacontext.memory.catalogue.terms import camel_words, identifiers
from megacontext.memory.focus import FeatureScorer, TextCodec, TreeView
from megacontext.memory.tree.keys import digest

DEFINITION = re.compile(r"(?:    )?(?:def|class) (\w+)")


class WordCounter:
    """One token a word and one a line end: enough to make costs differ."""

    def count(self, text: str) -> int:
        return len(re.findall(r"\w+|\n|[^\w\s]+", text))


class WordTokens:
    """Tokens of chunks by the same measure, from the files as they were written."""

    def __init__(self, texts: dict[bytes, str]) -> None:
        self.texts = texts

    def counts(self, chunks: Sequence[ChunkRecord]) -> list[int]:
        return [WordCounter().count(self.texts[chunk.digest]) for chunk in chunks]

    def tokens(self, chunk: ChunkRecord) -> list[int]:
        return list(range(self.counts([chunk])[0]))


class Shelf:
    """Files as lists of chunk texts, written to disk and into a catalogue."""

    def __init__(self, root: Path, files: dict[str, list[str]]) -> None:
        self.root = root
        self.texts: dict[bytes, str] = {}
        root.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(root / "catalogue.db", isolation_level=None)
        self.db.execute("PRAGMA synchronous = OFF")
        migrate(self.db)
        self.db.execute("INSERT INTO sources(id, kind, name) VALUES (1, 'repository', '.')")
        with self.db:
            self.db.execute("BEGIN")
            for path, chunks in files.items():
                self.write(path, chunks)
        self.catalogue = Catalogue(self.db)
        self.tree = TreeView(self.catalogue)
        self.codec = TextCodec(self.tree, WordTokens(self.texts), WordCounter(), self.read)
        self.scorer = FeatureScorer(self.tree)

    def close(self) -> None:
        self.db.close()

    def read(self, path: str) -> bytes | None:
        file = self.root / path
        return file.read_bytes() if file.exists() else None

    def write(self, path: str, chunks: list[str], mtime: int = 0) -> None:
        """Put a file on disk and into the catalogue, in place of what was there."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        data = "".join(chunks).encode()
        file.write_bytes(data)
        self.forget(path)
        directory = path.rpartition("/")[0]
        self._add_directories(directory)
        file_id = self.db.execute(
            "INSERT INTO files(source_id, path, directory, digest, size, mtime_ns, language, lines, broken)"
            " VALUES (1, ?, ?, ?, ?, ?, 'python', ?, 0)",
            (path, directory, digest(data), len(data), mtime, data.count(b"\n")),
        ).lastrowid
        start, line = 0, 1
        for ordinal, text in enumerate(chunks):
            self._write_chunk(file_id, path, ordinal, text, start, line)
            start += len(text.encode())
            line += text.count("\n")

    def forget(self, path: str) -> None:
        """Take a file out of the catalogue."""
        for (file_id,) in self.db.execute(
            "SELECT id FROM files WHERE path = ?", (path,)
        ).fetchall():
            self.db.execute(
                "DELETE FROM chunk_text WHERE rowid IN (SELECT id FROM chunks WHERE file_id = ?)",
                (file_id,),
            )
            for table, column in (("chunks", "file_id"), ("symbols", "file_id"), ("files", "id")):
                self.db.execute(f"DELETE FROM {table} WHERE {column} = ?", (file_id,))

    def _add_directories(self, directory: str) -> None:
        while True:
            parent = directory.rpartition("/")[0] if directory else None
            self.db.execute(
                "INSERT OR IGNORE INTO directories VALUES (1, ?, ?)", (directory, parent)
            )
            if parent is None:
                return
            directory = parent

    def _write_chunk(
        self, file_id: int, path: str, ordinal: int, text: str, start: int, line: int
    ) -> None:
        data = text.encode()
        self.texts[digest(data)] = text
        named = DEFINITION.match(text)
        symbol = named.group(1) if named else ""
        refs = " ".join(sorted(identifiers(text)))
        outline = text.split("\n", 1)[0]
        row = (
            file_id,
            ordinal,
            start,
            start + len(data),
            line,
            line + max(0, text.count("\n") - 1),
        )
        chunk_id = self.db.execute(
            'INSERT INTO chunks(file_id, ordinal, start, "end", start_line, end_line, kind, symbol, outline,'
            " digest, refs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, "function" if symbol else "block", symbol, outline, digest(data), refs),
        ).lastrowid
        names = f"{symbol} {camel_words(symbol + ' ' + refs)}"
        self.db.execute(
            "INSERT INTO chunk_text(rowid, path, names, body) VALUES (?, ?, ?, ?)",
            (chunk_id, path, names, text),
        )
        if symbol:
            self.db.execute(
                "INSERT INTO symbols VALUES (?, ?, ?, 'function', '', ?, ?, ?, ?, '')",
                (file_id, chunk_id, symbol, line, start, start + len(data), outline),
            )
