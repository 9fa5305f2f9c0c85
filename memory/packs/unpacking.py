"""From a pack's file to an index that can be focused: facts and tokens go through the one writer that all indexes have.

Knows no store and no key.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from megacontext.configs.errors import PackRefusedError

from ..catalogue.connection import named_errors
from ..ingest.report import OnProgress, Progress
from ..places import Places
from ..tree.store import TreeSpec
from .container import PackFile
from .contents import PackedFile, read_contents
from .manifest import TreePart
from .pack_memory import PackMemory, keep_texts
from .tree_parts import Tokens, TreeReader, nodes_of

BATCH_FILES = 256
BATCH_CHUNKS = 1_024
COPIED = "copied"
"""Folder of the level files while they are read."""


class Tokenizer(Protocol):
    """What is asked of the tokenizer of the model at hand."""

    def encode_batch(self, texts: list[str]) -> Sequence[Sequence[int]]:
        """Token ids of each text; special tokens written in a text are ordinary text."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids."""
        ...


@dataclass(frozen=True, slots=True)
class Reader:
    """The model at hand."""

    spec: TreeSpec
    tokenizer: Tokenizer


def unpack(
    pack: PackFile, places: Places, reader: Reader, on_progress: OnProgress | None = None
) -> None:
    """Make an index of a pack at `places`, where nothing is yet, with tokens for the model at hand.

    Tokens and gists of the pack are taken where they are of that model; otherwise tokens are made of the texts. Raises
    PackRefusedError for a pack whose parts do not fit each other.
    """
    files = read_contents(pack)
    part = _tree_for(pack, reader.spec)
    places.make_state_folder()
    with PackMemory.of(
        places, pack.manifest, "", reader.spec, reader.tokenizer, write=True
    ) as memory:
        unpacking = _Unpacking(memory, files, reader)
        if part is None:
            unpacking.take(unpacking.tokenized(), on_progress)
        else:
            unpacking.take_tree(pack, part, on_progress)
        with memory.writer.transaction():
            keep_texts(memory.writer.db, files)
        with named_errors(places.catalogue):
            # It is only read from now on: one segment of full text, and no files beside the database.
            memory.writer.db.execute("INSERT INTO chunk_text(chunk_text) VALUES ('optimize')")
    _settle_database(places)


def _tree_for(pack: PackFile, spec: TreeSpec) -> TreePart | None:
    part = pack.manifest.tree_of(spec)
    if part is not None and (part.width, part.slots) != (spec.width, spec.slots):
        raise PackRefusedError(
            f"its tree says it is of this very encoder, but with vectors of {part.width} × {part.slots}, not "
            f"{spec.width} × {spec.slots}: it was made for another one"
        )
    return part


class _Unpacking:
    """One pack on its way into one index."""

    def __init__(self, memory: PackMemory, files: Sequence[PackedFile], reader: Reader) -> None:
        self._memory = memory
        self._files = files
        self._reader = reader
        self._texts = {
            chunk.digest: file.text.data[chunk.start : chunk.end]
            for file in files
            for chunk in file.chunked.chunks
        }
        """Chunks by digest, in the order of the files."""

    def tokenized(self) -> dict[bytes, Tokens]:
        """Token ids of every chunk, made here."""
        found: dict[bytes, Tokens] = {}
        texts = list(self._texts.items())
        for start in range(0, len(texts), BATCH_CHUNKS):
            batch = texts[start : start + BATCH_CHUNKS]
            plain = [text.decode("utf-8", "replace") for _, text in batch]
            for (key, _), ids in zip(
                batch, self._reader.tokenizer.encode_batch(plain), strict=True
            ):
                found[key] = np.asarray(ids, dtype=np.uint32)
        return found

    def take(self, tokens: dict[bytes, Tokens], on_progress: OnProgress | None) -> None:
        """Write facts and tokens, and settle the tree."""
        waiting = dict(tokens)
        count = len(self._files)
        for start in range(0, max(count, 1), BATCH_FILES):
            batch = self._files[start : start + BATCH_FILES]
            keys = dict.fromkeys(chunk.digest for file in batch for chunk in file.chunked.chunks)
            new = [(key, waiting.pop(key)) for key in keys if key in waiting]
            last = start + BATCH_FILES >= count
            self._memory.writer.take(
                [(each.text, each.chunked) for each in batch], new, settle=last
            )
            if on_progress:
                on_progress(Progress("files", start + len(batch), count))

    def take_tree(self, pack: PackFile, part: TreePart, on_progress: OnProgress | None) -> None:
        """Write facts, and the tokens and gists that the pack brings."""
        folder = self._memory.places.state / COPIED
        folder.mkdir()
        tree = TreeReader(pack, part, folder)
        try:
            tokenizer = self._reader.tokenizer
            tokens = tree.tokens(
                self._texts, tokenizer.decode, lambda text: tokenizer.encode_batch([text])[0]
            )
            self.take(dict(tokens), on_progress)
            root = self._memory.writer.root_key()
            if root is None or root.hex() != part.root:
                raise PackRefusedError("the root of its tree is not the one that its manifest says")
            if part.gists:
                self._take_gists(tree, root)
        finally:
            tree.close()
            _remove(folder)

    def _take_gists(self, tree: TreeReader, root: bytes) -> None:
        store = self._memory.writer.store
        keys = list(self._texts)
        known = store.known(keys)
        gists = zip(keys, tree.chunk_gists([known[key] for key in keys]), strict=True)
        batch = []
        with self._memory.writer.transaction():
            for key, (blocks, chunk) in gists:
                batch.append((key, blocks, chunk))
                if len(batch) == BATCH_CHUNKS:
                    store.add_chunk_gists(batch)
                    batch = []
            store.add_chunk_gists(batch)
            for level, nodes in tree.node_gists(nodes_of(store, root)):
                store.add_node_gists(level, nodes)


def _remove(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def _settle_database(places: Places) -> None:
    with named_errors(places.catalogue):
        db = sqlite3.connect(places.catalogue, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode = DELETE")
        finally:
            db.close()
