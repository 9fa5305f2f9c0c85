"""What the training commands share. Knows git, no model."""

import subprocess
from pathlib import Path


def commit_of_code() -> str:
    """Name the commit of the code, for a model card."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()
