"""Which folders are worth watching: ignores are applied before anything is registered."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from ..listing import ALWAYS_IGNORED, TOOL_FOLDERS, has_git, ignored_by_git


def folders_to_watch(root: Path, below: str = "", ignored: Collection[str] = ()) -> Iterator[str]:
    """Relative paths of `below` ("" is the root) and every folder under it that is not ignored.

    `ignored` holds paths known to be ignored, folders with a trailing slash; with git, others are asked for level
    by level. Symbolic links are not followed.
    """
    git = has_git(root)
    level = [below]
    while level:
        if git and level != [""]:
            dropped = ignored_by_git(root, [path + "/" for path in level])
            level = [path for path in level if path + "/" not in dropped]
        yield from level
        level = [
            inner
            for path in level
            for inner in _inner_folders(root, path)
            if inner + "/" not in ignored
        ]


def _inner_folders(root: Path, path: str) -> list[str]:
    try:
        with os.scandir(root / path) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    prefix = f"{path}/" if path else ""
    return [prefix + name for name in sorted(names) if name not in ALWAYS_IGNORED | TOOL_FOLDERS]
