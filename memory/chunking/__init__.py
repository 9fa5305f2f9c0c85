"""Cuts files into chunks and reads their symbols and references. Knows no store, model or disk."""

from .chunker import MAX_PARSED_BYTES, chunk_file
from .languages import language_of
from .records import Chunk, ChunkedFile, Symbol
from .uses import find_uses

__all__ = [
    "MAX_PARSED_BYTES",
    "Chunk",
    "ChunkedFile",
    "Symbol",
    "chunk_file",
    "find_uses",
    "language_of",
]
