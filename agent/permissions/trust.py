"""Folders that a person trusts: their AGENTS.md is read, and the checks of their own settings run.

Kept in the user's configuration folder, never in a repository, which could then trust itself.
"""

import json
import os
from pathlib import Path

import platformdirs
from filelock import FileLock

from megacontext.configs.errors import SettingsError


def trust_file() -> Path:
    """Where trusted folders are written down."""
    return platformdirs.user_config_path("megacontext") / "trusted.json"


def trusted_folders() -> tuple[Path, ...]:
    """Every trusted folder; raises SettingsError when the file cannot be read."""
    path = trust_file()
    try:
        folders = json.loads(path.read_text("utf-8"))
        return tuple(Path(folder) for folder in folders)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, TypeError) as exc:
        raise SettingsError(
            f"{path} cannot be read as a list of folders; mend or delete it"
        ) from exc


def is_trusted(root: Path) -> bool:
    """Whether a folder, or one above it, is trusted."""
    root = root.resolve()
    return any(root.is_relative_to(folder) for folder in trusted_folders())


def trust(root: Path) -> None:
    """Trust a folder and all below it; raises SettingsError when that cannot be written down."""
    _change(root.resolve(), add=True)


def distrust(root: Path) -> None:
    """Trust a folder no longer; one above it may still be trusted."""
    _change(root.resolve(), add=False)


def _change(root: Path, *, add: bool) -> None:
    path = trust_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            folders = [folder for folder in trusted_folders() if folder != root]
            text = json.dumps([str(folder) for folder in [*folders, *([root] if add else [])]])
            temporary = path.with_suffix(f".{os.getpid()}")
            temporary.write_text(text, encoding="utf-8")
            temporary.chmod(0o600)
            temporary.replace(path)
    except OSError as exc:
        raise SettingsError(f"{path} cannot be written: {exc.strerror}") from exc
