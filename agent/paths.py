"""Paths as people type them, to paths of the repository. Reads no file."""

import os
from pathlib import Path

from megacontext.configs.errors import FocusError


def repository_path(root: Path, typed: str, folder: Path | None = None) -> str:
    """The path below `root` that `typed` means: relative to `folder` (default: the current one) or to the root.

    Raises FocusError when it lies outside, or when both readings are files and differ.
    """
    beside = _below(root, (folder or Path.cwd()) / typed)
    below_root = None if _is_anchored(typed) else _below(root, root / typed)
    found = {path for path in (beside, below_root) if path and (root / path).is_file()}
    if len(found) > 1:
        raise FocusError(
            f"{typed} is both {beside} and {below_root} in {root}; "
            f"write ./{typed} for the one beside you, or the path from the root with ../"
        )
    path = next(iter(found), None) or beside or below_root
    if path is None:
        raise FocusError(f"{typed} is outside of {root}; give a file of that repository")
    return path


def _is_anchored(typed: str) -> bool:
    return typed.startswith(("./", "../", "/"))


def _below(root: Path, path: Path) -> str | None:
    plain = Path(os.path.normpath(path))
    if not plain.is_relative_to(root):
        # The repository may have been reached through a symbolic link.
        plain = Path(os.path.realpath(plain.parent), plain.name)
    if not plain.is_relative_to(root) or plain == root:
        return None
    return plain.relative_to(root).as_posix()
