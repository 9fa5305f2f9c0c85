"""The terminal app on a real pseudo-terminal: from the byte of a key to the bytes that paint it.

Letters that nothing else paints are typed into the prompt, at the pace of a quick typist, first while the app is idle
but for a long transcript, then while a model streams into it and more files are indexed than the repository had.
"""

import fcntl
import os
import pty
import random
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.agent.engine import Engine
from megacontext.agent.opening import Workplace
from megacontext.models.language.tokenizing import TextTokenizer

from .bars import Bar, p50, p95, spread
from .corpora import SEED, repository
from .machine import ROOT

TOKENS, LATER, MESSAGES, PRESSES = 1_000_000, 5_000_000, 2_000, 120
"""Tokens of the repository, tokens that are indexed meanwhile, messages, and keys."""
SIZE = (40, 120)
TYPIST_S = (0.05, 0.15)
DELETE_LINE = "\x05\x15"
"""Ctrl-E, Ctrl-U."""
FIRST_LETTER = 0x2460
"""Letters in circles, which are in no file and in no sign of the app."""
LETTERS = 40
PATIENCE_S = 180.0
RECENTLY_S = 2.0


class Screen:
    """The app in a process of its own, seen through its pseudo-terminal."""

    def __init__(self, root: Path, messages: int, config: Path) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        command = [sys.executable, "-m", "tests.benchmarks.tui_app", str(root), str(messages)]
        environment = os.environ | {
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            "XDG_CONFIG_HOME": str(config),
        }
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
        os.close(slave)
        self.painted = 0
        """Bytes that were painted so far."""
        self.indexing_at = -PATIENCE_S

    def read(self, seconds: float) -> bytes:
        """What is painted within so many seconds, as soon as there is something."""
        ready, _, _ = select.select([self.master], [], [], max(0.0, seconds))
        try:
            data = os.read(self.master, 1 << 16) if ready else b""
        except OSError:  # the app has left
            data = b""
        self.painted += len(data)
        if b"indexing" in data:
            self.indexing_at = time.monotonic()
        return data

    @property
    def is_indexing(self) -> bool:
        """Whether the app has just said so."""
        return time.monotonic() - self.indexing_at < RECENTLY_S

    def type(self, text: str) -> None:
        """Keys whose painting nobody waits for."""
        os.write(self.master, text.encode())

    def wait_for(self, mark: bytes) -> None:
        """Read until these bytes were painted."""
        end, seen = time.monotonic() + PATIENCE_S, b""
        while mark not in seen:
            gone = self.process.poll() is not None
            assert time.monotonic() < end and not gone, f"{mark!r} was never painted: {seen!r}"
            seen = seen[-4000:] + self.read(1.0)

    def pause(self, seconds: float) -> None:
        """Let time pass, and read what is painted."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)

    def press(self, letter: str) -> float:
        """Press a key; milliseconds until it is painted."""
        mark, seen = letter.encode(), b""
        started = time.perf_counter()
        os.write(self.master, mark)
        while mark not in seen:
            assert time.perf_counter() - started < PATIENCE_S, "a key was never painted"
            seen = seen[-8:] + self.read(1.0)
        return (time.perf_counter() - started) * 1000

    def close(self) -> None:
        self.process.terminate()
        while self.process.poll() is None:
            self.read(0.1)
        os.close(self.master)


def measure(quick: bool) -> list[Bar]:
    share = 10 if quick else 1
    presses = PRESSES // share
    with TemporaryDirectory(prefix="megacontext-") as name:
        folder = Path(name)
        tokenizer = TextTokenizer.load(Workplace.at().folder)
        root = repository(folder / "repository", (TOKENS + LATER) // share, tokenizer)
        later = _aside(root, folder / "later")
        _index(root)
        screen = Screen(root, MESSAGES, folder / "config")
        try:
            screen.wait_for(b"partition")
            idle = _typed(screen, presses)
            screen.type("why is the port dropped by the adapter?\r")
            screen.wait_for(b"answering")
            streaming = _typed(screen, presses)
            later.rename(root / "later")
            screen.type("/index \r")
            screen.wait_for(b"indexing")
            both = _typed(screen, presses, until=lambda: not screen.is_indexing)
        finally:
            screen.close()
    return [
        _bar("a model streams and an index runs", both, at_most=50),
        *_bars("a model streams", streaming),
        *_bars("nothing else goes on", idle),
        Bar("the same with a stream and an index, p50", p50(both), "ms"),
    ]


def _bar(what: str, took: list[float], at_most: float | None = None) -> Bar:
    note = f"{spread(took, 'ms')}; {MESSAGES:,} messages"
    return Bar(f"key press to paint while {what}, p95", p95(took), "ms", at_most, note=note)


def _bars(what: str, took: list[float]) -> list[Bar]:
    return [_bar(what, took), Bar(f"key press to paint while {what}, p50", p50(took), "ms")]


def _typed(screen: Screen, presses: int, until: Callable[[], bool] = lambda: False) -> list[float]:
    """Milliseconds from each key to its painting, a line of keys at a time."""
    rng = random.Random(SEED)
    took: list[float] = []
    while len(took) < presses and not (until() and took):
        if len(took) % LETTERS == 0:
            screen.type(DELETE_LINE)
            screen.pause(0.3)
        screen.pause(rng.uniform(*TYPIST_S))
        took.append(screen.press(chr(FIRST_LETTER + len(took) % LETTERS)))
    screen.type(DELETE_LINE)
    screen.pause(0.3)
    return took


def _aside(root: Path, aside: Path) -> Path:
    """Take most files out of a repository, for later."""
    for number, file in enumerate(sorted(root.rglob("*.py"))):
        if number % 6:
            target = aside / file.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            file.rename(target)
    return aside


def _index(root: Path) -> None:
    workplace = Workplace.at(root)
    with workplace.open_memory(write=True) as memory:
        Engine(workplace, memory).refresh()
