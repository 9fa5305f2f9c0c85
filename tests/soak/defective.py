"""`python -m tests.soak.defective NAME MODULE:FUNCTION …`: the product with a defect, so that the suite can fail.

Each defect is one that somebody could make, in the process that is started so.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from megacontext.memory import memory
from megacontext.memory.chunking import ChunkedFile
from megacontext.memory.ingest import cutting
from megacontext.memory.memory import Memory
from megacontext.memory.tree import level_file
from megacontext.memory.tree.level_file import LevelFile
from tests.memory import killing
from tests.memory.chunking import tiling

# Writers


def commits_before_it_syncs() -> None:
    """SQLite already tells of rows that are on their way to the disk."""
    LevelFile.sync = lambda self: None  # type: ignore[method-assign]


def acknowledges_what_it_will_commit() -> None:
    """Says that something is there before it is."""
    real = killing.held

    def held(of: Memory) -> dict[str, int]:
        return {name: count + 1 for name, count in real(of).items()}

    killing.held = held


def takes_a_short_write_for_a_whole_one() -> None:
    """Does not look how much was written."""

    def write_once(fd: int, data: bytes, offset: int, _: Path) -> None:
        os.pwrite(fd, data, offset)

    level_file.write_all = write_once


def lets_the_database_sync_nothing() -> None:
    """A checkpoint may arrive on the disk before what it is made of."""
    real = memory.open_for_writing

    def open_for_writing(path: Path) -> Any:
        db = real(path)
        db.execute("PRAGMA synchronous = OFF")
        return db

    memory.open_for_writing = open_for_writing


# Files


def loses_the_last_chunk() -> None:
    """Chunks that do not reach the end of their file."""
    _cut(lambda path, data, cut: replace(cut, chunks=cut.chunks[:-1], references=cut.references[:-1]))  # fmt: skip


def ends_the_process_at_a_strange_sign() -> None:
    """As a fault in the C code of a grammar would."""
    _cut(lambda path, data, cut: os._exit(11) if b"\xf4\x90\x80\x80" in data else cut)


def _cut(spoil: Any) -> None:
    real = tiling.chunk_file

    def chunk_file(path: str, data: bytes) -> ChunkedFile:
        spoilt: ChunkedFile = spoil(path, data, real(path, data))
        return spoilt

    tiling.chunk_file = cutting.chunk_file = chunk_file


# The language server


def leaves_at_an_unknown_method() -> None:
    """A client that asks for what there is not has no server any more."""
    from megacontext.lsp.protocol import Protocol

    real = Protocol._check

    def check(self: Protocol, data: dict[str, Any]) -> None:
        if data.get("method") == "no/such":
            os._exit(1)
        real(self, data)

    Protocol._check = check  # type: ignore[method-assign]


def has_faults_of_its_own_at_far_positions() -> None:
    """Takes for granted that a position is in the text."""
    from megacontext.lsp import documents

    def place_of(lines: Sequence[str], at: Any, _: object) -> tuple[int, int]:
        return at.line, at.character + 0 * len(lines[at.line])

    documents.place_of = place_of


# Readers and long work


def shows_what_it_has_read_before() -> None:
    """Text that is verbatim as of the first time it was read."""
    kept: dict[str, bytes | None] = {}
    real = Memory.read

    def read(self: Memory, path: str) -> bytes | None:
        if path not in kept:
            kept[path] = real(self, path)
        return kept[path]

    Memory.read = read  # type: ignore[method-assign]


def keeps_files_open_and_their_text() -> None:
    """Handles and memory that grow with every question."""
    real = Memory.read
    kept: list[object] = []

    def read(self: Memory, path: str) -> bytes | None:
        kept.append((os.open("/dev/null", os.O_RDONLY), bytearray(200_000)))
        return real(self, path)

    Memory.read = read  # type: ignore[method-assign]


def main() -> None:
    name, place, *arguments = sys.argv[1:]
    globals()[name]()
    module, _, function = place.partition(":")
    sys.argv = [module, *arguments]
    getattr(import_module(module), function)()


if __name__ == "__main__":
    main()
