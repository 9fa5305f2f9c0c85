"""The tables of `catalogue.db` and how an old file becomes a new one.

Facts about text (no model decides them) are in sources … chunk_text; what one base model and one
encoder made of that text is in the tree_* tables, so that facts and rows commit together.
"""

import sqlite3

from megacontext.configs.errors import StoreError, StoreVersionError

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE sources(
        id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL DEFAULT ''
    );
    CREATE TABLE files(
        id INTEGER PRIMARY KEY, source_id INTEGER NOT NULL REFERENCES sources(id),
        path TEXT NOT NULL, directory TEXT NOT NULL, digest BLOB NOT NULL, size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL, language TEXT NOT NULL, lines INTEGER NOT NULL, broken INTEGER NOT NULL,
        UNIQUE(source_id, path)
    );
    CREATE INDEX files_by_directory ON files(source_id, directory);
    CREATE TABLE directories(
        source_id INTEGER NOT NULL, path TEXT NOT NULL, parent TEXT,
        PRIMARY KEY(source_id, path)
    ) WITHOUT ROWID;
    CREATE INDEX directories_by_parent ON directories(source_id, parent);
    CREATE TABLE left_out(
        source_id INTEGER NOT NULL, path TEXT NOT NULL, reason TEXT NOT NULL,
        size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
        PRIMARY KEY(source_id, path)
    ) WITHOUT ROWID;
    CREATE TABLE chunks(
        id INTEGER PRIMARY KEY, file_id INTEGER NOT NULL, ordinal INTEGER NOT NULL,
        start INTEGER NOT NULL, "end" INTEGER NOT NULL, start_line INTEGER NOT NULL, end_line INTEGER NOT NULL,
        kind TEXT NOT NULL, symbol TEXT NOT NULL, outline TEXT NOT NULL, digest BLOB NOT NULL,
        refs TEXT NOT NULL
    );
    CREATE UNIQUE INDEX chunks_by_file ON chunks(file_id, ordinal);
    CREATE TABLE symbols(
        file_id INTEGER NOT NULL, chunk_id INTEGER NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
        scope TEXT NOT NULL, line INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
        signature TEXT NOT NULL, doc TEXT NOT NULL
    );
    CREATE INDEX symbols_by_name ON symbols(name);
    CREATE INDEX symbols_by_file ON symbols(file_id);
    CREATE VIRTUAL TABLE chunk_text USING fts5(path, names, body, tokenize = 'porter unicode61');
    CREATE VIRTUAL TABLE chunk_terms USING fts5vocab(chunk_text, row);

    CREATE TABLE trees(
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, encoder TEXT NOT NULL, width INTEGER NOT NULL,
        slots INTEGER NOT NULL, tails TEXT NOT NULL DEFAULT '{}'
    );
    CREATE TABLE tree_chunks(
        tree_id INTEGER NOT NULL, digest BLOB NOT NULL, key BLOB NOT NULL, tokens INTEGER NOT NULL,
        l0 INTEGER NOT NULL, l0_crc INTEGER NOT NULL,
        l1 INTEGER, l1_crc INTEGER, l2 INTEGER, l2_crc INTEGER,
        PRIMARY KEY(tree_id, digest)
    ) WITHOUT ROWID;
    CREATE INDEX tree_chunks_by_key ON tree_chunks(tree_id, key);
    CREATE TABLE tree_nodes(
        tree_id INTEGER NOT NULL, key BLOB NOT NULL, level INTEGER NOT NULL, children BLOB NOT NULL,
        row INTEGER, crc INTEGER,
        PRIMARY KEY(tree_id, key)
    ) WITHOUT ROWID;
    CREATE TABLE tree_paths(
        tree_id INTEGER NOT NULL, source_id INTEGER NOT NULL, path TEXT NOT NULL, directory TEXT NOT NULL,
        is_directory INTEGER NOT NULL, key BLOB NOT NULL, level INTEGER NOT NULL, tokens INTEGER NOT NULL,
        PRIMARY KEY(tree_id, source_id, is_directory, path)
    ) WITHOUT ROWID;
    CREATE INDEX tree_paths_by_directory ON tree_paths(tree_id, source_id, directory);
    """,
)
"""One script a version; `PRAGMA user_version` holds how many have run."""


def version_of(db: sqlite3.Connection) -> int:
    """How many scripts have run; raises StoreVersionError when the file is newer than this program."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > len(MIGRATIONS):
        raise StoreVersionError(
            f"this index has version {version}, newer than this MegaContext knows ({len(MIGRATIONS)}): "
            "upgrade MegaContext, or delete the .megacontext folder to index again"
        )
    return int(version)


def check(db: sqlite3.Connection) -> None:
    """For readers, who change nothing.

    Raises StoreVersionError when the file is newer than this program, StoreError when it is older or empty.
    """
    if version_of(db) < len(MIGRATIONS):
        raise StoreError(
            "this index is not finished, or of an older MegaContext: run `megacontext index`"
        )


def migrate(db: sqlite3.Connection) -> None:
    """Bring `db` to the newest version; each script and its number share one transaction.

    Raises StoreVersionError when the file is newer than this program.
    """
    version = version_of(db)
    for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
        db.executescript(f"BEGIN IMMEDIATE;{script}PRAGMA user_version = {number};COMMIT;")
