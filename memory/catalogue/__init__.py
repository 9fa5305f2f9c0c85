"""Facts about text that no model decides: files, chunks, symbols, full text (SQLite)."""

from .reader import Catalogue
from .records import ChunkRecord, FileRecord, LeftOut, SearchHit, SymbolRecord

__all__ = ["Catalogue", "ChunkRecord", "FileRecord", "LeftOut", "SearchHit", "SymbolRecord"]
