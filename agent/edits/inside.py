"""Files below one folder, opened part by part, so that no symbolic link leads out, not even one swapped in meanwhile.

Every folder on the way is opened by the one above it with O_NOFOLLOW; a new content is written beside the old one and
renamed over it, so that a reader sees either whole and a hard link elsewhere keeps its content. Paths are relative,
with forward slashes; `ToolError` tells what is wrong with one.
"""

import errno
import os
import secrets
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from megacontext.configs.errors import StoreFullError, ToolError
from megacontext.memory.places import STATE_FOLDER

LONGEST_NAME = 255
"""Bytes of one part of a path, on every common file system."""
LONGEST_PATH = 3_000
TEMPORARY = ".megacontext-"
"""Begins the names of files that are being written."""
NEW_FILE_MODE = 0o644
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_KEPT = {".git": "git's own files", STATE_FOLDER: "MegaContext's own files"}


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it is."""

    data: bytes
    mode: int
    """Permission bits."""


def parts_of(path: str) -> list[str]:
    """The parts of a relative path that stays below its folder; raises ToolError for any other."""
    if not path:
        raise ToolError("the path is empty; give a file, relative to the repository's root")
    shown = path if len(path) <= 80 else f"{path[:80]}…"
    if any(unicodedata.category(char) in {"Cc", "Cs"} for char in path):
        raise ToolError(f"{shown!r} is no path: it holds control characters or half characters")
    if path.startswith("/"):
        raise ToolError(f"{shown} is absolute; give a path relative to the repository's root")
    parts = path.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise ToolError(f"{shown} is no plain path below the repository's root")
    if (
        len(os.fsencode(path)) > LONGEST_PATH
        or max(map(len, map(os.fsencode, parts))) > LONGEST_NAME
    ):
        raise ToolError(f"{shown} is too long: at most {LONGEST_NAME} bytes a name")
    return parts


def kept_from_tools(path: str) -> str | None:
    """Why no tool may touch a path whatever the rules say; None when it may.

    Names are compared as a file system would that ignores case and invisible characters, as git does.
    """
    for part in path.split("/"):
        plain = "".join(char for char in part if unicodedata.category(char) != "Cf")
        plain = unicodedata.normalize("NFC", plain).casefold().rstrip(". ")
        plain = ".git" if plain == "git~1" else plain
        if plain in _KEPT:
            return f"{path} belongs to {_KEPT[plain]}, which tools do not touch"
        if part.startswith(TEMPORARY):
            return f"{path} has a name that is used while files are written"
    return None


def read(root: Path, path: str, limit: int | None = None) -> Found | None:
    """A regular file below `root`, at most `limit` bytes of it; None when there is none."""
    with _parent(root, path) as (folder, name):
        if folder is None:
            return None
        return _read_at(folder, name, path, limit)


def replace(root: Path, path: str, data: bytes, mode: int | None = None) -> None:
    """Put `data` in the place of the file, or make it with the folders above it.

    `mode` None keeps the permission bits of the old file. Raises StoreFullError when the disk is full.
    """
    try:
        with _parent(root, path, make=True) as (folder, name):
            assert folder is not None, "its folders were made"
            old = _status(folder, name, path)
            _write_at(folder, name, data, old, mode)
    except OSError as exc:
        raise _told(exc, path) from exc


def remove(root: Path, path: str, folders: Sequence[str] = ()) -> None:
    """Delete a file, and those of `folders` that are empty then; what is gone already is fine."""
    try:
        with _parent(root, path) as (folder, name):
            if folder is not None and _status(folder, name, path) is not None:
                os.unlink(name, dir_fd=folder)
        for each in sorted(folders, key=len, reverse=True):
            with _parent(root, each) as (above, name):
                if above is not None:
                    os.rmdir(name, dir_fd=above)
    except OSError as exc:
        if exc.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT}:
            raise _told(exc, path) from exc


def missing_folders(root: Path, path: str) -> tuple[str, ...]:
    """The folders above a path that do not exist yet."""
    above = parts_of(path)[:-1]
    folders = ["/".join(above[: count + 1]) for count in range(len(above))]
    return tuple(folder for folder in folders if names_in(root, folder) is None)


def names_in(root: Path, folder: str) -> list[str] | None:
    """Names in a folder below `root` ("" is the root itself); None when there is no such folder."""
    with _parent(root, f"{folder}/-" if folder else "-") as (opened, _):
        return None if opened is None else [entry.name for entry in os.scandir(opened)]


@contextmanager
def _parent(root: Path, path: str, *, make: bool = False) -> Iterator[tuple[int | None, str]]:
    """The opened folder of a path and the last part of its name; no folder when it is not there and not to be made."""
    *above, name = parts_of(path)
    try:
        here = os.open(root, _FOLDER & ~os.O_NOFOLLOW)
    except OSError as exc:
        raise _told(exc, str(root)) from exc
    try:
        for count, part in enumerate(above, 1):
            below = _enter(here, part, "/".join(above[:count]), make=make)
            if below is None:
                yield None, name
                return
            os.close(here)
            here = below
        yield here, name
    finally:
        os.close(here)


def _enter(here: int, part: str, path: str, *, make: bool) -> int | None:
    try:
        return os.open(part, _FOLDER, dir_fd=here)
    except FileNotFoundError:
        if not make:
            return None
    except OSError as exc:
        raise _told(exc, path) from exc
    with suppress(FileExistsError):  # somebody may be faster
        os.mkdir(part, dir_fd=here)
    return os.open(part, _FOLDER, dir_fd=here)


def _read_at(folder: int, name: str, path: str, limit: int | None) -> Found | None:
    try:
        fd = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder
        )
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise _told(exc, path) from exc
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise ToolError(f"{path} is {_kind(status.st_mode)}, not a file")
        with os.fdopen(fd, "rb", closefd=False) as file:
            data = file.read() if limit is None else file.read(limit)
    finally:
        os.close(fd)
    return Found(data, stat.S_IMODE(status.st_mode))


def _status(folder: int, name: str, path: str) -> os.stat_result | None:
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise ToolError(f"{path} is {_kind(status.st_mode)}, not a file")
    return status


def _write_at(
    folder: int, name: str, data: bytes, old: os.stat_result | None, mode: int | None
) -> None:
    if mode is None:
        mode = NEW_FILE_MODE & ~_umask() if old is None else stat.S_IMODE(old.st_mode)
    temporary = f"{TEMPORARY}{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, 0o600, dir_fd=folder)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            if old is not None:
                _give_to(fd, old)
            os.fchmod(fd, mode)
            os.fsync(fd)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _give_to(fd: int, old: os.stat_result) -> None:
    try:
        os.fchown(fd, old.st_uid, old.st_gid)
    except PermissionError:
        pass  # somebody else's file in a folder of ours: it becomes ours, as with an editor that renames


def _umask() -> int:
    # There is no way to ask for it without setting it; /proc has it on Linux, and other threads stay unharmed.
    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
        return int(next(line for line in lines if line.startswith("Umask:")).split()[1], 8)
    except (OSError, StopIteration, ValueError):
        return 0o022


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a symbolic link" if stat.S_ISLNK(mode) else "a device or a pipe"


def _told(exc: OSError, path: str) -> ToolError | StoreFullError:
    if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StoreFullError(f"the disk is full: {path} was not written and is as it was")
    if exc.errno == errno.ELOOP:
        return ToolError(f"{path} is a symbolic link, which is not followed")
    if exc.errno == errno.ENOTDIR:
        # O_DIRECTORY and O_NOFOLLOW on a link answer either of the two.
        return ToolError(f"{path}: a part of it is a symbolic link or a file, not a folder")
    return ToolError(f"{path}: {exc.strerror or exc}")
