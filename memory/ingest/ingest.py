"""The one writer of a repository's memory: files in, facts, token rows and keys out.

`reconcile` compares the whole repository with the catalogue; `apply` re-reads named paths. Both end in the same
state as indexing the final files from scratch. Knows no watcher and no gist.
"""

import sqlite3
import stat
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..catalogue import Catalogue
from ..catalogue.connection import named_errors
from ..chunking import ChunkedFile
from ..courtesy import stand_back
from ..freshness import compare
from ..left_out import LeftOutRules
from ..listing import Listing, is_utf8, mode_of
from ..tree.store import TreeStore
from .cutting import Cutter, cutter_for
from .facts import FactsWriter
from .merkle import Merkle
from .reading import FileText, Gone, Refusal, read_file
from .report import IngestReport, OnProgress, Progress

BATCH_BYTES = 2_000_000
BATCH_FILES = 256

Item = TypeVar("Item")
Tokens = NDArray[np.uint32]
Tokenized = Future[list[tuple[bytes, Tokens]]]


class Tokenizer(Protocol):
    """What ingest asks of a base model's tokenizer."""

    def encode_batch(self, texts: list[str]) -> Sequence[Sequence[int] | Tokens]:
        """Token ids of each text; special tokens written in a text are ordinary text."""
        ...


@dataclass
class Batch:
    """Files on their way: read, then chunked, not yet committed."""

    done: int = 0
    """How many paths have been read with this batch and those before it."""
    texts: list[FileText] = field(default_factory=list)
    """What has to be chunked."""
    files: list[tuple[FileText, ChunkedFile]] = field(default_factory=list)
    same: list[FileText] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    new_chunks: dict[bytes, bytes] = field(default_factory=dict)
    """Digest to bytes of the chunks that have no tokens yet."""


class Ingest:
    """Writes one source into the catalogue and one tree. Safe to call from several threads."""

    def __init__(
        self,
        db: sqlite3.Connection,
        store: TreeStore,
        tokenizer: Tokenizer,
        root: Path,
        rules: LeftOutRules,
        source_id: int = 1,
    ) -> None:
        self.db = db
        self.store = store
        self.tokenizer = tokenizer
        self.root = root
        self.rules = rules
        self.source_id = source_id
        self.lock = threading.RLock()
        self.overlays: dict[str, bytes] = {}
        """Unsaved editor buffers by path: they are read instead of the files, and judged like them."""
        self.catalogue = Catalogue(db, source_id)
        self._facts = FactsWriter(db, source_id)
        self._merkle = Merkle(store, source_id)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; raises StoreFullError when the disk is full, StoreError for any other database fault."""
        with self.lock, named_errors():
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                self.store.forget_uncommitted()
                raise

    def reconcile(self, on_progress: OnProgress | None = None) -> IngestReport:
        """Make the memory equal to the repository: read what is new or changed, forget what is gone."""
        with self.lock, named_errors():
            found = compare(self.root, self.catalogue, self.rules)
            unplaced = self._merkle.unplaced_files()
            overlaid = [path for path in self.overlays if not found.listing.passes_over(path)]
            present = {*found.listing.paths, *overlaid}
            changed = dict.fromkeys(
                [*found.added, *found.changed, *found.unsure, *unplaced, *overlaid]
            )
            removed = [path for path in found.removed if path not in present]
            wanted = [path for path in changed if path in present]
            return self._ingest(wanted, removed, found.listing, on_progress)

    def apply(self, paths: Iterable[str], on_progress: OnProgress | None = None) -> IngestReport:
        """Re-read these paths, relative to the root; what is no file any more is forgotten, below them too."""
        with self.lock, named_errors():
            wanted = dict.fromkeys(path for path in paths if is_utf8(path))
            # Nothing lies below what is no folder any more, a link to one included; and a folder may have
            # gone, and another come in its place, before anyone looked.
            below = [
                inner
                for path in wanted
                for is_folder in [stat.S_ISDIR(mode_of(self.root / path) or 0)]
                for inner in self._known_below(path)
                if not (is_folder and stat.S_ISREG(mode_of(self.root / inner) or 0))
            ]
            return self._ingest([*dict.fromkeys([*wanted, *below])], [], None, on_progress)

    def take(
        self,
        files: Sequence[tuple[FileText, ChunkedFile]],
        tokens: list[tuple[bytes, Tokens]],
        *,
        settle: bool,
    ) -> None:
        """Take in files that were chunked and tokenized before, as packs bring them; the last call settles the tree.

        `tokens` has the token ids `[n]` of those of their chunks that the tree does not have yet, by digest.
        """
        known: Tokenized = Future()
        known.set_result(tokens)
        with self.lock, named_errors():
            self._commit(Batch(files=[*files]), known, IngestReport(), None, settle=settle)

    def _known_below(self, directory: str) -> list[str]:
        """What is indexed or left out below a path that was a directory."""
        rows = self.db.execute(
            "SELECT path FROM files WHERE source_id = ?1 AND path >= ?2 AND path < ?3 UNION ALL "
            "SELECT path FROM left_out WHERE source_id = ?1 AND path >= ?2 AND path < ?3",
            (self.source_id, directory + "/", directory + "0"),
        )
        return [path for (path,) in rows]

    def _ingest(
        self,
        paths: list[str],
        removed: list[str],
        listing: Listing | None,
        on_progress: OnProgress | None,
    ) -> IngestReport:
        started = time.perf_counter()
        report = IngestReport()
        total = len(paths)
        placed = {
            path for path in paths if self.store.path_key(self.source_id, path, directory=False)
        }
        indexed = set(self.catalogue.stamps("files")) if total > BATCH_FILES else None
        with cutter_for(total) as cutter, ThreadPoolExecutor(1, "tokenize", stand_back) as pool:
            waiting: tuple[Batch, Tokenized] | None = None
            for batch, tokens in self._cut(self._batches(paths, placed), cutter, pool):
                if waiting:
                    self._commit(*waiting, report, indexed)
                waiting = batch, tokens
                if on_progress:
                    on_progress(Progress("files", batch.done, total))
            last = waiting or (Batch(), pool.submit(self._tokenize, {}))
            last[0].gone += removed
            self._commit(*last, report, indexed, listing=listing, settle=True)
        report.seconds = time.perf_counter() - started
        return report

    def _batches(self, paths: list[str], placed: set[str]) -> Iterator[Batch]:
        batch, size = Batch(), 0
        for done, path in enumerate(paths, start=1):
            size += self._read(path, batch, path in placed)
            batch.done = done
            many = len(batch.texts) + len(batch.same) + len(batch.refused) >= BATCH_FILES
            if many or size >= BATCH_BYTES:
                yield batch
                batch, size = Batch(), 0
        if paths:
            batch.done = len(paths)
            yield batch

    def _read(self, path: str, batch: Batch, placed: bool) -> int:
        match read_file(self.root, path, self.rules, self.overlays.get(path)):
            case Refusal() as refusal:
                batch.refused.append(refusal)
                return 0
            case Gone():
                batch.gone.append(path)
                return 0
            case FileText() as found:
                same = placed and self._digest(path) == found.digest
                (batch.same if same else batch.texts).append(found)
                return len(found.data)

    def _digest(self, path: str) -> bytes | None:
        known = self.db.execute(
            "SELECT digest FROM files WHERE source_id = ? AND path = ?", (self.source_id, path)
        ).fetchone()
        return known[0] if known else None

    def _cut(
        self, batches: Iterator[Batch], cutter: Cutter, pool: ThreadPoolExecutor
    ) -> Iterator[tuple[Batch, Tokenized]]:
        """Chunk batches, the next one while this one is taken in, and let their chunks be tokenized."""
        on_the_way: set[bytes] = set()
        for batch, cut in _one_ahead((batch, cutter.cut(batch.texts)) for batch in batches):
            for found, chunked in zip(batch.texts, cut, strict=True):
                batch.files.append((found, chunked))
                for chunk in chunked.chunks:
                    batch.new_chunks.setdefault(chunk.digest, found.data[chunk.start : chunk.end])
            tokens = pool.submit(self._tokenize, self._without_known(batch, on_the_way).new_chunks)
            on_the_way = set(batch.new_chunks)
            yield batch, tokens

    def _without_known(self, batch: Batch, on_the_way: set[bytes]) -> Batch:
        """Never tokenize a chunk twice: drop those that have tokens, or get them with the batch before."""
        for known in {*self.store.known(batch.new_chunks), *on_the_way}:
            batch.new_chunks.pop(known, None)
        return batch

    def _tokenize(self, chunks: dict[bytes, bytes]) -> list[tuple[bytes, Tokens]]:
        if not chunks:
            return []
        ids = self.tokenizer.encode_batch(
            [data.decode("utf-8", "replace") for data in chunks.values()]
        )
        return [
            (key, np.asarray(tokens, dtype=np.uint32))
            for key, tokens in zip(chunks, ids, strict=True)
        ]

    def _commit(
        self,
        batch: Batch,
        tokens: Tokenized,
        report: IngestReport,
        indexed: set[str] | None,
        *,
        listing: Listing | None = None,
        settle: bool = False,
    ) -> None:
        fresh = tokens.result()
        with self.transaction():
            gone = [*batch.gone, *(item.path for item in batch.refused)]
            was = {path for path in gone if self._is_indexed(path, indexed)}
            self._merkle.unsettle([*was, *(text.path for text, _ in batch.files)])
            self._facts.remove(was)
            self._facts.forget_left_out(batch.gone)
            self._facts.leave_out(batch.refused)
            new = [text.path for text, _ in batch.files if not self._is_indexed(text.path, indexed)]
            self.store.add_tokens(fresh)
            self._facts.replace(batch.files)
            rows = self.store.known(
                {chunk.digest for _, chunked in batch.files for chunk in chunked.chunks}
            )
            for text, chunked in batch.files:
                self._merkle.place_file(
                    text.path, [(chunk.digest, rows[chunk.digest]) for chunk in chunked.chunks]
                )
            for text in batch.same:
                self._facts.touch(text)
            if listing is not None:
                self._facts.keep_left_out(listing.paths, listing.passed_over)
                state = self.rules.fingerprint, self.source_id
                self.db.execute("UPDATE sources SET state = ? WHERE id = ?", state)
            if settle:
                self._merkle.settle()
        report.added += new
        report.changed += sorted({text.path for text, _ in batch.files} - set(new))
        report.removed += sorted(was)
        report.left_out |= {item.path: item.reason for item in batch.refused}
        report.checked += len(batch.files) + len(batch.same)
        report.tokenized += sum(len(ids) for _, ids in fresh)

    def _is_indexed(self, path: str, indexed: set[str] | None) -> bool:
        if indexed is not None:
            return path in indexed
        found = self.db.execute(
            "SELECT 1 FROM files WHERE source_id = ? AND path = ?", (self.source_id, path)
        )
        return found.fetchone() is not None

    def knows(self, path: str) -> bool:
        """Whether this path is in memory."""
        with self.lock:
            return self._is_indexed(path, None)

    def root_key(self) -> bytes | None:
        """Key of the whole source; None before the first pass has settled."""
        found = self.store.path_key(self.source_id, "", directory=True)
        return found[0] if found else None


def _one_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, each once the next one has been taken, so that what it began goes on meanwhile."""
    return (item for item, _ in pairwise(chain(items, [None])) if item is not None)
