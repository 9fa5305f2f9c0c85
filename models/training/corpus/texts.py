"""Prose and dialogue from folders that a person names; nothing is downloaded.

Text and Markdown files are documents; of a `.jsonl` file each line is one, with its text under `text`
or its turns under `messages` (`role` and `content` each). Knows nothing of what makes one worth keeping.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from megacontext.configs.errors import TrainingError

from .settings import FileSource
from .sources import File

WHOLE = (".txt", ".md")
LINES = ".jsonl"
_MARK = "\ufeff"


def text_files(
    source: FileSource, seed: int, max_bytes: int, limit: int, *, held_out: bool
) -> Iterator[File]:
    """Yield documents in a seeded order of files until `limit` bytes are given.

    Each document is for training or held out, by its place and the seed alone. Of one over
    `max_bytes` a little more than that is read, by which it is known.

    Raises:
        TrainingError: there is no such folder, or no file of these kinds in it.
    """
    given = 0
    for path, text in _documents(source, seed, max_bytes):
        if (_share(f"{seed}:{source.name}:{path}") < source.held_out) != held_out:
            continue
        content = text.removeprefix(_MARK).replace("\r\n", "\n").encode("utf-8", "replace")
        given += min(len(content), max_bytes)
        if given > limit:
            return
        yield path, content


def _documents(source: FileSource, seed: int, max_bytes: int) -> Iterator[tuple[str, str]]:
    root = Path(source.path).expanduser()
    files = [path for path in root.rglob("*") if path.suffix in (*WHOLE, LINES) and _plain(path)]
    if not files:
        raise TrainingError(
            f"{source.name}: {root} holds no {', '.join(WHOLE)} or {LINES} file; put text there, or "
            "name another folder under path"
        )
    for file in sorted(files, key=lambda path: _share(f"{seed}:{path.relative_to(root)}")):
        place = file.relative_to(root)
        if file.suffix == LINES:
            with file.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    yield f"{place.with_suffix('').as_posix()}/{number}.txt", _said(line)
        else:
            with file.open("rb") as content:
                yield place.as_posix(), _text(content.read(max_bytes + 1))


def _plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _share(place: str) -> float:
    """A number in [0, 1) that a place always gets."""
    digest = hashlib.blake2b(place.encode("utf-8", "replace"), digest_size=6).digest()
    return int.from_bytes(digest) / 2**48


def _text(content: bytes) -> str:
    """Text, or nothing where it is none."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _said(line: bytes) -> str:
    """The document of one line; nothing where it holds none."""
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(value, dict):
        return ""
    text, turns = value.get("text"), value.get("messages")
    if isinstance(text, str):
        return text
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        return ""
    return "".join(f"{turn.get('role', '')}: {turn.get('content', '')}\n" for turn in turns)
