"""Which files a repository has, by git's own ignore rules. Reads no content.

With git, git itself lists tracked and untracked-not-ignored files (nested repositories and submodules with their
own rules). Without git, folders are walked and .gitignore files are honoured all the same.
"""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec

from megacontext.configs.errors import RepositoryError

from .places import STATE_FOLDER

ALWAYS_IGNORED = frozenset({".git", ".hg", ".svn", STATE_FOLDER})
# fmt: off
TOOL_FOLDERS = frozenset({
    "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox", ".mypy_cache", ".pytest_cache",
    ".ruff_cache", ".idea", ".gradle",
})
# fmt: on
"""Left out without git unless a file in them is tracked: nobody's own work lies there."""
GIT_TIMEOUT_S = 120
GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
"""A repository's own configuration may name a program as its file monitor; it is never run."""


@dataclass
class Listing:
    """What is there: paths to index, and what was passed over with its reason. Paths are relative, with `/`."""

    paths: list[str] = field(default_factory=list)
    passed_over: dict[str, str] = field(default_factory=dict)


def list_files(root: Path) -> Listing:
    """Every file under `root` that is not ignored, sorted.

    Raises RepositoryError when `root` cannot be read.
    """
    listing = Listing()
    if has_git(root):
        _list_with_git(root, "", listing)
    else:
        _list_by_walking(root, listing)
    listing.paths.sort()
    return listing


def has_git(root: Path) -> bool:
    """Whether `root` lies in a git work tree and git can be run."""
    try:
        return _git(root, "rev-parse", "--is-inside-work-tree").strip() == b"true"
    except RepositoryError:
        return False


def ignored_by_git(root: Path, paths: list[str]) -> set[str]:
    """Those of `paths` that git ignores (tracked files are never ignored)."""
    result = subprocess.run(
        [*GIT, "-C", str(root), "check-ignore", "-z", "--stdin"],
        input=b"\0".join(os.fsencode(path) for path in paths),
        capture_output=True,
        check=False,
        timeout=GIT_TIMEOUT_S,
    )
    return {os.fsdecode(path) for path in result.stdout.split(b"\0") if path}


def _list_with_git(root: Path, prefix: str, listing: Listing) -> None:
    tracked = _entries(_git(root, "ls-files", "-z", "--cached"))
    untracked = _entries(_git(root, "ls-files", "-z", "--others", "--exclude-standard"))
    for path in _entries(
        _git(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    ):
        if path.rstrip("/") not in ALWAYS_IGNORED:
            listing.passed_over[prefix + path] = "ignored by git"
    names = dict.fromkeys(tracked)
    names.update(dict.fromkeys(path for path in untracked if not _in_tool_folder(path)))
    for path in names:
        full = root / path
        # A submodule or a repository inside this one: git names its folder only.
        if path.endswith("/") or (full.is_dir() and not full.is_symlink()):
            if (full / ".git").exists():
                _list_with_git(full, f"{prefix}{path.rstrip('/')}/", listing)
        else:
            _note(full, prefix + path, listing)


def _in_tool_folder(path: str) -> bool:
    return not TOOL_FOLDERS.isdisjoint(path.split("/")[:-1])


def _list_by_walking(root: Path, listing: Listing) -> None:
    for path, full in _walk(root, root, []):
        if full is None:
            listing.passed_over[path] = "ignored by .gitignore or as a tool's folder"
        else:
            _note(full, path, listing)


def _walk(
    root: Path, folder: Path, above: list[tuple[str, GitIgnoreSpec]]
) -> Iterator[tuple[str, Path | None]]:
    """Files below `folder`; an ignored path comes with None. `above` holds the specs of the folders above."""
    pending = [(folder, above)]
    while pending:
        here, specs = pending.pop()
        base = "" if here == root else here.relative_to(root).as_posix() + "/"
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as exc:
            if here == root:
                raise RepositoryError(f"{root} cannot be read: {exc.strerror}") from exc
            continue
        specs = [*specs, *_ignore_spec(here, base)]
        for entry in entries:
            if entry.name in ALWAYS_IGNORED:
                continue
            path = base + entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if (is_folder and entry.name in TOOL_FOLDERS) or _ignored(
                path + "/" * is_folder, specs
            ):
                yield path + "/" * is_folder, None
            elif is_folder:
                pending.append((Path(entry.path), specs))
            else:
                yield path, Path(entry.path)


def _ignore_spec(folder: Path, base: str) -> list[tuple[str, GitIgnoreSpec]]:
    try:
        lines = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace").splitlines()
        return [(base, GitIgnoreSpec.from_lines(lines))]
    except (OSError, ValueError):
        return []


def _ignored(path: str, specs: list[tuple[str, GitIgnoreSpec]]) -> bool:
    # The deepest .gitignore that says anything decides, as in git.
    for base, spec in reversed(specs):
        verdict = spec.check_file(path[len(base) :]).include
        if verdict is not None:
            return verdict
    return False


def _note(full: Path, path: str, listing: Listing) -> None:
    if not is_utf8(path):
        listing.passed_over[path.encode("utf-8", "backslashreplace").decode()] = (
            "its name is not UTF-8"
        )
        return
    if full.is_symlink():
        listing.passed_over[path] = "symbolic link"
    else:
        listing.paths.append(path)


def is_utf8(path: str) -> bool:
    """Whether a path can be named in text at all; other names carry surrogate escapes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _entries(output: bytes) -> list[str]:
    return [os.fsdecode(name) for name in output.split(b"\0") if name]


def _git(root: Path, *arguments: str) -> bytes:
    command = [*GIT, "-C", str(root), *arguments]
    try:
        return subprocess.run(
            command, capture_output=True, check=True, timeout=GIT_TIMEOUT_S
        ).stdout
    except subprocess.CalledProcessError as exc:
        told = exc.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RepositoryError(
            f"git cannot list {root}: {told[-1] if told else exc.returncode}"
        ) from exc
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise RepositoryError(f"git cannot be run in {root}: {exc}") from exc
