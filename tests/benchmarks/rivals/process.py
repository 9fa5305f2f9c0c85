"""A tool in a process of its own: asked, timed, weighed. Knows no tool."""

import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ..machine import ROOT
from ..peak import MIB, PeakMemory
from .answering import Answer

SAID = 800
"""Characters of what a tool said last that are told when it has failed."""


class RivalError(Exception):
    """A tool could not be had, or has failed; says why."""


class Asked:
    """A tool that runs. Starts at once; `close` ends it."""

    def __init__(self, command: Sequence[str | Path], home: Path) -> None:
        """`home` takes what the tool keeps outside of the repository, and what it says."""
        self._log = home / "said.txt"
        quiet = {
            "HOME": str(home),
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "AIDER_ANALYTICS": "false",
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env=os.environ | quiet,
            )

    def ask(self, question: str | None) -> tuple[Answer, float]:
        """The answer and how long it took in seconds; None lets the tool finish what it does in the background."""
        assert self._process.stdin is not None, "it was asked for"
        assert self._process.stdout is not None, "it was asked for"
        started = time.perf_counter()
        try:
            self._process.stdin.write(json.dumps({"question": question}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        took = time.perf_counter() - started
        if not line:
            raise RivalError(self._why())
        return Answer(**json.loads(line)), took

    def watched(self) -> PeakMemory:
        """Its memory, with that of what it starts, while it is entered."""
        return PeakMemory(self._process.pid)

    def largest(self) -> float:
        """MiB that the process itself, which still runs, took at most."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / MIB

    def close(self) -> None:
        """Let it end; what does not end by itself is ended."""
        assert self._process.stdin is not None, "it was asked for"
        try:
            self._process.communicate(timeout=30)
        except (subprocess.TimeoutExpired, BrokenPipeError, ValueError):
            self._process.kill()
            self._process.wait()

    def _why(self) -> str:
        self._process.wait()
        said = self._log.read_text("utf-8", errors="replace").strip()[-SAID:]
        return f"it ended with status {self._process.returncode}: {' '.join(said.split())}"
