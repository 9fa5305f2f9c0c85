"""Opening `catalogue.db` for one writer or for many readers. Knows no table."""

import sqlite3
from pathlib import Path

from megacontext.configs.errors import StoreError

BUSY_MS = 5_000


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open or create the database in WAL mode, in manual transactions.

    Raises StoreError when the file is no database or cannot be opened.
    """
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        db.execute("PRAGMA journal_mode = WAL")
        # WAL + NORMAL survives a killed process; fdatasync of the tree files orders rows before facts.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA cache_size = -65536")
    except sqlite3.Error as exc:
        raise StoreError(
            f"cannot open {path}: {exc}; delete the .megacontext folder to index again"
        ) from exc
    return db


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open an existing database read-only; raises StoreError when there is none or it is damaged."""
    try:
        db = sqlite3.connect(
            f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        db.execute("PRAGMA cache_size = -65536")
        db.execute("PRAGMA mmap_size = 1073741824")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as exc:
        raise StoreError(
            f"cannot read {path}: {exc}; run `megacontext index` to make it again"
        ) from exc
    return db
