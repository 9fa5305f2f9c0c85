"""Which folders are worth watching: ignores are applied before anything is registered."""

import os
from pathlib import Path

from ..ingest.facts import ancestors
from ..listing import ALWAYS_IGNORED, TOOL_FOLDERS, Listing, has_git, ignored_by_git


def folders_to_watch(root: Path, listing: Listing) -> set[str]:
    """Relative paths of the root ("") and of every folder below it that is not ignored.

    A folder that holds something listed is never ignored. Symbolic links are not followed. Raises RepositoryError
    when git cannot tell.
    """
    git = has_git(root)
    holding = _folders_above(listing.paths)
    watched: set[str] = set()
    level = [""]
    while level:
        watched.update(level)
        inner = [path for folder in level for path in _inner_folders(root, folder)]
        level = [path for path in inner if path in holding]
        others = [path + "/" for path in inner if path not in holding and not _is_a_tools(path)]
        dropped = ignored_by_git(root, others) if git and others else set(listing.passed_over)
        level += [path[:-1] for path in others if path not in dropped]
    return watched


def _folders_above(paths: list[str]) -> set[str]:
    own = {path.rpartition("/")[0] for path in paths}
    return {folder for path in own for folder, _ in ancestors(path)}


def _is_a_tools(path: str) -> bool:
    return path.rpartition("/")[2] in TOOL_FOLDERS


def _inner_folders(root: Path, path: str) -> list[str]:
    try:
        with os.scandir(root / path) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    prefix = f"{path}/" if path else ""
    return [prefix + name for name in sorted(names) if name not in ALWAYS_IGNORED]
