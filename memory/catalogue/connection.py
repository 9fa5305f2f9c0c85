"""Opening `catalogue.db` for one writer or for many readers. Knows no table."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from megacontext.configs.errors import StoreError, StoreFullError

BUSY_MS = 5_000


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open or create the database in WAL mode, in manual transactions.

    Raises StoreError when the file is no database or cannot be opened.
    """
    db = None
    try:
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        db.execute("PRAGMA journal_mode = WAL")
        # WAL + NORMAL survives a killed process; fdatasync of the tree files orders rows before facts.
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA cache_size = -65536")
    except sqlite3.Error as exc:
        if db:
            db.close()
        raise database_error(exc, path) from exc
    return db


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open an existing database read-only; raises StoreError when there is none or it is damaged."""
    db = None
    try:
        db = sqlite3.connect(
            f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
        )
        db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        db.execute("PRAGMA cache_size = -65536")
        db.execute("PRAGMA mmap_size = 1073741824")
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as exc:
        if db:
            db.close()
        raise database_error(exc, path) from exc
    return db


@contextmanager
def named_errors(path: Path | str = "catalogue.db") -> Iterator[None]:
    """Raise StoreFullError or StoreError in place of any error of SQLite."""
    try:
        yield
    except sqlite3.Error as exc:
        raise database_error(exc, path) from exc


def database_error(exc: sqlite3.Error, path: Path | str) -> StoreError:
    """What an error of SQLite means to a person, and how to mend it."""
    said = str(exc)
    if "full" in said:
        return StoreFullError(
            f"the disk is full while writing {path}; free some space and run it again, nothing is lost"
        )
    if isinstance(exc, sqlite3.OperationalError) and "malformed" not in said:
        return StoreError(
            f"{path} cannot be used: {said}; see that the disk is writable and has room"
        )
    return StoreError(
        f"{path} is damaged ({said}); delete the .megacontext folder and run `megacontext index`"
    )
