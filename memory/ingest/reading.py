"""Reading one file of a repository, safely. Knows no database.

Files are hostile: a path may lead out through a symbolic link, name a pipe, grow while it is read, or vanish.
"""

import errno
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from ..left_out import LeftOutRules
from ..listing import SYMBOLIC_LINK
from ..tree.keys import digest

RACY_NS = 20_000_000
"""A file changed this shortly before it was read may change again within the same time stamp."""
UNSURE_MTIME = -1


@dataclass(frozen=True, slots=True)
class FileText:
    """The bytes of one file that belongs in memory."""

    path: str
    data: bytes
    digest: bytes
    mtime_ns: int
    """UNSURE_MTIME when the time stamp cannot prove that the file is unchanged."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that stays out."""

    path: str
    reason: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Gone:
    """A path with no file."""

    path: str


def read_file(
    root: Path,
    path: str,
    rules: LeftOutRules,
    buffer: bytes | None = None,
    known: bytes | None = None,
) -> FileText | Refusal | Gone:
    """Read `path` below `root` and judge it; never follows a symbolic link, never waits on a pipe.

    An unsaved `buffer` is taken instead of the file, and judged by the same rules. Content of the digest `known` was
    judged before.
    """
    reason = rules.by_path(path)
    if buffer is not None:
        reason = reason or rules.by_size(path, len(buffer)) or rules.by_content(buffer)
        if reason:
            return Refusal(path, reason, len(buffer), UNSURE_MTIME)
        return FileText(path, buffer, digest(buffer), UNSURE_MTIME)
    try:
        fd = _open_inside(root, path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        # A name with a zero byte is a ValueError: no file has one.
        return Gone(path)
    except OSError as exc:
        link = exc.errno == errno.ELOOP
        why = SYMBOLIC_LINK if link else f"unreadable: {exc.strerror}"
        return Refusal(path, why, -1, UNSURE_MTIME)
    try:
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            return Gone(path)
        if not stat.S_ISREG(status.st_mode):
            return Refusal(path, "not a regular file", -1, UNSURE_MTIME)
        reason = reason or rules.by_size(path, status.st_size)
        data = b"" if reason else _read_all(fd, rules.max_file_bytes)
        racy = time.time_ns() - status.st_mtime_ns < RACY_NS
        racy = racy or (not reason and len(data) != status.st_size)
        reason = reason or rules.by_size(path, len(data))
        found = digest(data)
        if found != known:
            reason = reason or rules.by_content(data)
    except OSError as exc:
        return Refusal(path, f"unreadable: {exc.strerror}", -1, UNSURE_MTIME)
    finally:
        os.close(fd)
    mtime_ns = UNSURE_MTIME if racy else status.st_mtime_ns
    if reason:
        return Refusal(path, reason, status.st_size, mtime_ns)
    return FileText(path, data, found, mtime_ns)


def _open_inside(root: Path, path: str) -> int:
    # A path from an editor or a command may be absolute or climb: what is not plainly below the root is no file.
    if path.startswith(("/", "../")) or os.path.normpath(path) != path:
        raise FileNotFoundError(path)
    # O_NOFOLLOW guards the last part; a folder on the way that is a link is found by comparing real paths.
    full = root / path
    parent = full.parent
    if parent != root and os.path.realpath(parent) != str(parent):
        raise FileNotFoundError(path)
    return os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _read_all(fd: int, limit: int) -> bytes:
    parts = []
    left = limit + 1
    while left > 0 and (part := os.read(fd, min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
