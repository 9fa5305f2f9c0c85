"""The memory of one source, opened: catalogue, tree and, for the one writer, ingest.

A source is a repository, a knowledge pack, or the old turns of a session. Everything above (engine, commands, servers)
holds one of these. Knows no model beyond its tokenizer and its name.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from megacontext.configs.errors import StoreBusyError, StoreError

from .catalogue import Catalogue, ChunkRecord, FileRecord
from .catalogue.connection import named_errors, open_for_reading, open_for_writing
from .catalogue.schema import check, migrate
from .ingest import Ingest
from .ingest.gisting import Gister, Gisting
from .ingest.ingest import Tokenizer
from .ingest.reading import FileText, Gone, Refusal, read_file
from .left_out import LeftOutRules
from .lock import Writer, WriterLock
from .places import Places
from .tree.keys import digest
from .tree.store import ChunkRows, TreeSpec, TreeStore
from .verify import Verdict, Verifier

if TYPE_CHECKING:
    from .packs.mounts import Mounts

REPOSITORY = 1
"""Id of the one source of a catalogue."""


class Memory:
    """Use `Memory.open`; close it, or use it in a `with` statement.

    Reading has a connection of its own, so that it never sees what the writer has not committed. Threads may share
    a memory: each reads inside `reading`.
    """

    label = ""
    """What stands before its paths wherever they are shown; "" for the repository itself."""
    may_lack_tree: ClassVar[bool] = False
    """Whether it can be read without tokens of the model at hand: they are made of the text as they are asked for."""

    def __init__(
        self,
        places: Places,
        db: sqlite3.Connection,
        store: TreeStore,
        tokenizer: Tokenizer,
        rules: LeftOutRules,
        ingest: Ingest | None,
        closing: ExitStack,
    ) -> None:
        """`db` and `store` are for reading; `ingest` writes through its own; `closing` closes everything."""
        self.places = places
        self.db = db
        self.store = store
        self.tokenizer = tokenizer
        self.rules = rules
        self.catalogue = Catalogue(db, REPOSITORY)
        self.ingest = ingest
        self.mounts: Mounts | None = None
        """The packs beside a repository, closed with it; None where there can be none."""
        self._closing = closing
        self._turn = threading.RLock()

    @classmethod
    def open(
        cls,
        places: Places,
        spec: TreeSpec,
        tokenizer: Tokenizer,
        rules: LeftOutRules,
        *,
        write: bool,
    ) -> Self:
        """Open the index of a repository, for one writer or for reading.

        Raises StoreBusyError when another process writes, StoreError when there is nothing to read or it is damaged.
        """
        with ExitStack() as closing:
            ingest = None
            if write:
                ingest = _open_ingest(places, spec, tokenizer, rules, closing)
            elif not places.catalogue.exists():
                raise StoreError(f"{places.root} is not indexed yet; run `megacontext index`")
            db = open_for_reading(places.catalogue)
            closing.callback(db.close)
            with named_errors(places.catalogue):
                check(db)
                store = TreeStore(
                    db, places.trees, spec, writable=False, may_lack=cls.may_lack_tree
                )
            closing.callback(store.close)
            return cls(places, db, store, tokenizer, rules, ingest, closing.pop_all())

    def __enter__(self) -> Self:
        """The open memory."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close files and databases, and let another process write."""
        if self.mounts is not None:
            self.mounts.close()
        self._closing.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One unchanging state of the memory for all that is read inside, whatever is written meanwhile.

        One thread at a time; may be nested. Raises StoreError for any fault of the database.
        """
        with self._turn, named_errors(self.places.catalogue):
            if self.db.in_transaction:
                yield
                return
            self.db.execute("BEGIN")
            try:
                yield
            finally:
                self.db.execute("COMMIT")

    @property
    def writer(self) -> Ingest:
        """The ingest of a memory opened for writing."""
        if self.ingest is None:
            raise StoreError("this memory was opened for reading only")
        return self.ingest

    def take_over(self) -> bool:
        """Begin to write if nobody else does; whether this memory writes now.

        What was read before stays good. Raises StoreError when the index cannot be written.
        """
        if self.ingest is None:
            with ExitStack() as closing:
                try:
                    self.ingest = _open_ingest(
                        self.places, self.store.spec, self.tokenizer, self.rules, closing
                    )
                except StoreBusyError:
                    return False
                self._closing.push(closing.pop_all())
        return True

    def gisting(self, gister: Gister) -> Gisting:
        """The maker of missing gists."""
        return Gisting(self.writer, gister)

    def has_all_gists(self) -> bool:
        """Whether nothing waits for a gist."""
        root = self.root_key
        return root is not None and self.store.has_gist(root)

    @property
    def root_key(self) -> bytes | None:
        """Merkle root of the repository; None before the first pass has ended."""
        found = self.store.path_key(REPOSITORY, "", directory=True)
        return found[0] if found else None

    @property
    def tokens(self) -> int:
        """Tokens of the whole repository; 0 before the first pass has ended."""
        found = self.store.path_key(REPOSITORY, "", directory=True)
        return found[2] if found else 0

    def look(
        self, path: str, buffer: bytes | None = None, known: bytes | None = None
    ) -> FileText | Refusal | Gone:
        """A file as it is now (`buffer` or an unsaved one first), or why it is not for reading.

        Content of the digest `known` is not judged again.
        """
        if buffer is None and self.ingest is not None:
            buffer = self.ingest.overlays.get(path)
        return read_file(self.places.root, path, self.rules, buffer, known)

    def is_untouched(self, file: FileRecord) -> bool:
        """Whether size and time stamp say that a file is as it was indexed."""
        try:
            found = (self.places.root / file.path).lstat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns) == (file.size, file.mtime_ns)

    def read(self, path: str) -> bytes | None:
        """The bytes of a file as they are now; None when it is gone or left out."""
        found = self.look(path)
        return found.data if isinstance(found, FileText) else None

    def text_of(self, chunk: ChunkRecord, data: bytes | None = None) -> str | None:
        """The text of a chunk, checked against the file (`data`, or read now); None when memory of it is stale."""
        data = self.read(chunk.path) if data is None else data
        part = data[chunk.start : chunk.end] if data is not None else None
        return (
            part.decode("utf-8", "replace")
            if part is not None and digest(part) == chunk.digest
            else None
        )

    def holds(self, path: str, chunk: bytes) -> bool:
        """Whether a file holds a chunk of this digest, as far as the catalogue knows."""
        with self.reading():
            record = self.catalogue.file(path)
            chunks = self.catalogue.chunks_of(record.id) if record else []
        return any(each.digest == chunk for each in chunks)

    def chunk_rows(self, chunks: Iterable[ChunkRecord]) -> dict[bytes, ChunkRows]:
        """Rows of the tree by chunk digest; a chunk without token ids is missing."""
        return self.store.known({chunk.digest for chunk in chunks})

    def token_ids(self, text: str, rows: ChunkRows | None) -> NDArray[np.uint32]:
        """Token ids `[n]` of a chunk's text: from L0, or from the tokenizer when the row is missing or damaged."""
        if rows is not None:
            try:
                return self.store.tokens(rows)
            except StoreError:
                pass  # damaged: `verify` will say so; the text itself is at hand
        return np.asarray(self.tokenizer.encode_batch([text])[0], dtype=np.uint32)

    def verifier(self) -> Verifier:
        """Checks of this memory."""
        return Verifier(self.catalogue, self.store, self.look)

    def repair(self, verdict: Verdict) -> None:
        """Forget what `verdict` found damaged and read it again; gists are for `gisting` to make again."""
        damage = verdict.damage
        ingest = self.writer
        store, db = ingest.store, ingest.db
        with ingest.transaction():
            store.forget_chunks(damage.chunks)
            store.forget_gists(damage.gists | damage.chunks)
            store.forget_node_gists(damage.nodes)
            if damage.texts:
                # Chunks that are all new bring their full text along.
                db.execute("DELETE FROM chunk_text")
                db.execute("DELETE FROM chunks")
            if damage.chunks or damage.paths or damage.keys or damage.texts:
                db.execute("DELETE FROM tree_paths WHERE tree_id = ?", (store.id,))
                db.execute(
                    "UPDATE files SET digest = x'', mtime_ns = -1 WHERE path IN (SELECT value FROM json_each(?))",
                    (json.dumps(sorted(damage.paths)),),
                )
        ingest.reconcile()

    def disk_bytes(self) -> dict[str, int]:
        """Size of the catalogue and of each level file, in bytes."""
        sizes = {
            path.stem: path.stat().st_size for path in sorted(self.store.folder.glob("L*.ctx"))
        }
        catalogue = [Path(f"{self.places.catalogue}{ending}") for ending in ("", "-wal")]
        return {
            "catalogue": sum(path.stat().st_size for path in catalogue if path.exists()),
            **sizes,
        }

    def who_writes(self) -> Writer | None:
        """The process that writes this index now."""
        return WriterLock(self.places.lock).holder()


def _open_ingest(
    places: Places,
    spec: TreeSpec,
    tokenizer: Tokenizer,
    rules: LeftOutRules,
    closing: ExitStack,
) -> Ingest:
    places.make_state_folder()
    closing.enter_context(WriterLock(places.lock))
    db = open_for_writing(places.catalogue)
    closing.callback(db.close)
    with named_errors(places.catalogue):
        migrate(db)
        db.execute(
            "INSERT OR IGNORE INTO sources(id, kind, name) VALUES (?, 'repository', '.')",
            (REPOSITORY,),
        )
        store = TreeStore(db, places.trees, spec, writable=True)
    closing.callback(store.close)
    return Ingest(db, store, tokenizer, places.root, rules, REPOSITORY)
