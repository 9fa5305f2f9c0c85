"""Where figures come from: the code's commit, versions, the machine. Knows git and this machine."""

import subprocess
from pathlib import Path
from typing import Any

from megacontext.models.training.provenance import provenance

from ..reports import machine


def origin() -> dict[str, Any]:
    """As plain data: what it takes to get the same figures elsewhere."""
    return {**provenance(), "uncommitted": _uncommitted(), "machine": machine()}


def _uncommitted() -> bool | None:
    """Whether the code differs from its commit; None where it is in no checkout."""
    folder = Path(__file__).parent
    command = ["git", "-C", str(folder), "status", "--porcelain", "--untracked-files=no"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return bool(done.stdout.strip())
