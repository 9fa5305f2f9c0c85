"""Which files a repository has, by git's own ignore rules. Reads no content.

With git, git itself lists tracked and untracked-not-ignored files (nested repositories and submodules with their
own rules). Without git, folders are walked and .gitignore files are honoured all the same.
"""

import os
import re
import stat
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec, Pattern

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
GIT_PLACES = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_COMMON_DIR",
        "GIT_PREFIX",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_NAMESPACE",
    }
)
"""Set in git's hooks, where they would make git list another repository than the one asked for."""
_INSIDE = re.compile(r"/\*\*(?=/?\s*$)")
"""To git `a/**` is what lies in a; pathspec takes it for the folder itself as well."""
SYMBOLIC_LINK = "symbolic link"


@dataclass
class Listing:
    """What is there: paths to index, and what was passed over with its reason. Paths are relative, with `/`."""

    paths: list[str] = field(default_factory=list)
    passed_over: dict[str, str] = field(default_factory=dict)

    def pass_over(self, path: str, reason: str) -> None:
        """Note why a path is not listed; a name that is no text is written with escapes."""
        self.passed_over[path.encode("utf-8", "backslashreplace").decode()] = reason

    def passes_over(self, path: str) -> bool:
        """Whether `path` or a folder above it is passed over."""
        parts = path.split("/")
        above = ("/".join(parts[:count]) + "/" for count in range(1, len(parts)))
        return path in self.passed_over or any(folder in self.passed_over for folder in above)


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
    inside: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        inside[_enclosing_repository(root, path)].append(path)
    ignored: set[str] = set()
    for prefix, own in inside.items():
        names = b"\0".join(os.fsencode(path[len(prefix) :]) for path in own)
        # It answers 1 when none is ignored.
        found = _git(root / prefix, "check-ignore", "-z", "--stdin", given=names, fine=(0, 1))
        ignored.update(prefix + path for path in _entries(found))
    return ignored


def _enclosing_repository(root: Path, path: str) -> str:
    """The nested repository or submodule around `path`, relative with a trailing slash; "" is `root` itself."""
    parts = path.rstrip("/").split("/")[:-1]
    for count in range(len(parts), 0, -1):
        if (root.joinpath(*parts[:count], ".git")).exists():
            return "/".join(parts[:count]) + "/"
    return ""


def _list_with_git(root: Path, prefix: str, listing: Listing) -> None:
    tracked = _entries(_git(root, "ls-files", "-z", "--cached"))
    untracked = _entries(_git(root, "ls-files", "-z", "--others", "--exclude-standard"))
    for path in _entries(
        _git(root, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    ):
        if ALWAYS_IGNORED.isdisjoint(path.split("/")):
            listing.pass_over(prefix + path, "ignored by git")
    names = [*tracked, *(path for path in untracked if not _in_tool_folder(path))]
    for path in dict.fromkeys(names):
        if ALWAYS_IGNORED.isdisjoint(path.split("/")):
            _list_named(root / path, prefix + path.rstrip("/"), listing)


def _list_named(full: Path, path: str, listing: Listing) -> None:
    """Something that git names: a file, or the folder of a submodule or of a repository inside this one."""
    mode = mode_of(full)
    if not stat.S_ISDIR(mode or 0):
        _note(mode, path, listing)
    elif (full / ".git").exists():
        try:
            _list_with_git(full, path + "/", listing)
        except RepositoryError as exc:
            listing.pass_over(path + "/", str(exc))


def _in_tool_folder(path: str) -> bool:
    return not TOOL_FOLDERS.isdisjoint(path.split("/")[:-1])


def _list_by_walking(root: Path, listing: Listing) -> None:
    for path, passed_over in _walk(root):
        if passed_over:
            listing.pass_over(path, passed_over)
        else:
            _note(mode_of(root / path), path, listing)


def _walk(root: Path) -> Iterator[tuple[str, str]]:
    """Every path below `root` that is no folder to enter, and why it is passed over, "" if it is not."""
    pending: list[tuple[Path, list[tuple[str, GitIgnoreSpec]]]] = [(root, [])]
    while pending:
        here, specs = pending.pop()
        base = "" if here == root else here.relative_to(root).as_posix() + "/"
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as exc:
            if here == root:
                raise RepositoryError(f"{root} cannot be read: {exc.strerror}") from exc
            yield base, f"unreadable: {exc.strerror}"
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
                yield path + "/" * is_folder, "ignored by .gitignore or as a tool's folder"
            elif is_folder:
                pending.append((Path(entry.path), specs))
            else:
                yield path, ""


def _ignore_spec(folder: Path, base: str) -> list[tuple[str, GitIgnoreSpec]]:
    try:
        if not stat.S_ISREG(mode_of(folder / ".gitignore") or 0):
            return []  # git reads no linked one, and a pipe would never end
        lines = (folder / ".gitignore").read_text(encoding="utf-8", errors="replace").splitlines()
        return [(base, GitIgnoreSpec.from_lines(_INSIDE.sub("/**/*", line) for line in lines))]
    except (OSError, ValueError):
        return []


def _ignored(path: str, specs: list[tuple[str, GitIgnoreSpec]]) -> bool:
    # The last line of the deepest .gitignore that says anything decides, as in git.
    for base, spec in reversed(specs):
        for pattern in reversed(spec.patterns):
            if pattern.include is not None and _names(pattern, path[len(base) :]):
                return bool(pattern.include)
    return False


def _names(pattern: Pattern, path: str) -> bool:
    """Whether a pattern names `path` itself; pathspec also takes what lies below for named, which git does not."""
    regex: re.Pattern[str] | None = getattr(pattern, "regex", None)
    return regex is not None and any(found.end() == len(path) for found in regex.finditer(path))


def _note(mode: int | None, path: str, listing: Listing) -> None:
    if mode is None:
        return  # tracked by git, but deleted
    if not is_utf8(path):
        listing.pass_over(path, "its name is not UTF-8")
    elif stat.S_ISLNK(mode):
        listing.pass_over(path, SYMBOLIC_LINK)
    else:
        listing.paths.append(path)


def mode_of(path: Path) -> int | None:
    """What `path` itself is, links not followed; None when it is gone, 0 when that cannot be told."""
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError:
        return 0


def is_utf8(path: str) -> bool:
    """Whether a path can be named in text at all; other names carry surrogate escapes."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _entries(output: bytes) -> list[str]:
    return [os.fsdecode(name) for name in output.split(b"\0") if name]


def _git(root: Path, *arguments: str, given: bytes = b"", fine: tuple[int, ...] = (0,)) -> bytes:
    command = [*GIT, "-C", str(root), *arguments]
    environment = {key: value for key, value in os.environ.items() if key not in GIT_PLACES}
    try:
        done = subprocess.run(
            command,
            input=given,
            env=environment,
            capture_output=True,
            check=False,
            timeout=GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise RepositoryError(f"git cannot be run in {root}: {exc}") from exc
    if done.returncode not in fine:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RepositoryError(f"git cannot list {root}: {told[-1] if told else done.returncode}")
    return done.stdout
