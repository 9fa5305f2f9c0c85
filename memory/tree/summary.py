"""What trees an index holds and how large they are, for people. Opens no level file."""

import json
import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class LevelSize:
    """One level file: committed rows, bytes on disk."""

    rows: int
    bytes: int


@dataclass(frozen=True)
class TreeSummary:
    """One tree of one source."""

    name: str
    root: str | None
    """Merkle root in hexadecimal; None when a pass has not ended."""
    tokens: int
    chunks: int
    """Chunks of the source that have token ids."""
    gists: int
    """How many of them have gists."""
    levels: dict[str, LevelSize]

    def as_json(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)


def summaries(db: sqlite3.Connection, trees: Path, source_id: int = 1) -> list[TreeSummary]:
    """Every tree of the index, by name."""
    found = []
    for tree_id, name, tails in db.execute(
        "SELECT id, name, tails FROM trees ORDER BY name"
    ).fetchall():
        top = db.execute(
            "SELECT key, tokens FROM tree_paths WHERE tree_id = ? AND source_id = ? AND is_directory = 1 AND path = ''",
            (tree_id, source_id),
        ).fetchone()
        chunks, gists = db.execute(
            "SELECT count(*), count(t.l1) FROM files f JOIN chunks c ON c.file_id = f.id "
            "JOIN tree_chunks t ON t.tree_id = ? AND t.digest = c.digest WHERE f.source_id = ?",
            (tree_id, source_id),
        ).fetchone()
        rows = sorted((int(level), count) for level, count in json.loads(tails).items())
        levels = {
            f"L{level}": LevelSize(count, _size(trees / name / f"L{level}.ctx"))
            for level, count in rows
        }
        root = top[0].hex() if top else None
        found.append(TreeSummary(name, root, top[1] if top else 0, chunks, gists, levels))
    return found


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
