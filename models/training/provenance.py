"""What a checkpoint was made with: hashes of weights, the code's commit, versions of libraries.

Knows files and git, no model.
"""

import hashlib
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..language.model_files import weight_files

HASHED = 1 << 24
"""Bytes of weights that are read at a time."""
LIBRARIES = ("megacontext", "torch", "transformers", "tokenizers", "numpy", "safetensors")


def provenance() -> dict[str, Any]:
    """Commit and versions, by name, as plain data."""
    return {"commit": commit_of_code(), "python": platform.python_version(), **_versions()}


def weights_hash(folder: Path) -> str:
    """Hex digest of all the weights of a model folder.

    Raises:
        ModelFilesError: there are none.
    """
    digest = hashlib.blake2b(digest_size=16)
    for file in weight_files(folder):
        with file.open("rb") as weights:
            while part := weights.read(HASHED):
                digest.update(part)
    return digest.hexdigest()


def commit_of_code() -> str:
    """The commit that this code is from; "unknown" where it is not in a checkout of it."""
    here = Path(__file__)
    # An environment may lie in a repository of its user's, whose commit says nothing.
    if not _git(here.parent, "ls-files", here.name):
        return "unknown"
    return _git(here.parent, "rev-parse", "HEAD") or "unknown"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "unknown"
    return found
