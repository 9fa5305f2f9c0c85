"""How soon the command line answers, and that it loads no torch for what needs none."""

import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.agent.opening import Workplace
from megacontext.models.language.tokenizing import TextTokenizer

from .bars import Bar, p50, spread
from .corpora import open_memory, repository

COMMAND = str(Path(sys.executable).with_name("megacontext"))
TOKENS = 1_000_000
RUNS = 15
LOADED = """
import sys
from megacontext.agent.main import app
app(sys.argv[1:], standalone_mode=False)
sys.stderr.write(" ".join({"torch", "transformers"} & set(sys.modules)))
"""


def measure(quick: bool) -> list[Bar]:
    with TemporaryDirectory(prefix="megacontext-") as folder:
        tokenizer = TextTokenizer.load(Workplace.at().folder)
        root = repository(Path(folder) / "repository", TOKENS // (10 if quick else 1), tokenizer)
        with open_memory(root) as memory:
            memory.writer.reconcile()
            files = memory.catalogue.counts()["files"]
        runs = 3 if quick else RUNS
        return [
            *_bars("megacontext --help", ["--help"], 0.3, runs, ""),
            *_bars(
                "megacontext status",
                ["status", "--repo", str(root)],
                0.5,
                runs,
                f"; {files:,} files",
            ),
        ]


def _bars(name: str, arguments: list[str], limit: float, runs: int, note: str) -> list[Bar]:
    _run(arguments)  # byte code and files are in the cache, as they are for a person's second call
    walls, cpus = zip(*(_run(arguments) for _ in range(runs)), strict=True)
    loaded = _loaded(arguments)
    return [
        Bar(name, p50(walls), "s", at_most=limit, note=spread(walls, "s") + note),
        Bar(f"{name}, processor time", p50(cpus), "s", note=spread(cpus, "s")),
        Bar(f"{name}, of torch and transformers it loads", len(loaded), at_most=0),
    ]


def _run(arguments: list[str]) -> tuple[float, float]:
    """Wall time and processor time of one call."""
    started = time.perf_counter()
    child = subprocess.Popen([COMMAND, *arguments], stdout=subprocess.DEVNULL)
    _, code, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(code)
    assert child.returncode == 0
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime


def _loaded(arguments: list[str]) -> list[str]:
    command = [sys.executable, "-c", LOADED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr.split()
