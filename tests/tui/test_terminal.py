"""The app in a real terminal, through tmux: a whole task, and a terminal that is as it was, however the app ends."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patience import LOOK_S, PATIENCE_S

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None,
    reason="there is no tmux, the terminal of these tests (apt install tmux)",
)


class Terminal:
    """One tmux server with one window, in which a shell runs."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "tmux"
        self.environment = os.environ | {
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
            "ENV": "",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(ROOT),
        }
        shell = "echo the shell is there; exec sh"
        window = ("new-session", "-d", "-x", "120", "-y", "36", "-c", str(ROOT), shell)
        self.tmux("-f", "/dev/null", *window)
        self.shows("the shell is there")

    def tmux(self, *words: str) -> str:
        line = ["tmux", "-S", str(self.socket), *words]
        done = subprocess.run(
            line, env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def shows(self, *words: str) -> str:
        """Wait until all of these are to be read."""
        end = time.monotonic() + PATIENCE_S
        while not all(word in (screen := self.screen()) for word in words):
            assert time.monotonic() < end, f"{words} never came:\n{screen}"
            time.sleep(LOOK_S)
        return screen

    def lacks(self, words: str) -> None:
        """Wait until these are no longer to be read."""
        end = time.monotonic() + PATIENCE_S
        while words in (screen := self.screen()):
            assert time.monotonic() < end, f"{words} stays:\n{screen}"
            time.sleep(LOOK_S)

    def state(self) -> dict[str, str]:
        """Of the terminal itself: the other screen, the cursor, the mouse."""
        names = ("alternate_on", "cursor_flag", "mouse_any_flag", "bracketed_paste_flag")
        told = self.tmux("display-message", "-p", " ".join(f"#{{{name}}}" for name in names))
        return dict(zip(names, told.rstrip("\n").split(" "), strict=False))

    def modes(self) -> set[str]:
        """What `stty` says of the terminal, as the shell gets it back."""
        self.type("clear; stty -a | tr ';' '\\n'; echo modes-end")
        self.press("Enter")
        return set(self.shows("\nmodes-end").split())

    def start(self, root: Path) -> None:
        """The app, as a person starts it."""
        line = [sys.executable, "-m", "tests.tui.scripted_app", str(root)]
        self.type(f"clear; {shlex.join(line)}; echo left with $?")
        self.press("Enter")
        self.shows("Try: Where is word_for defined", "fresh")

    def process(self) -> int:
        """The app's process id."""
        shell = self.tmux("display-message", "-p", "#{pane_pid}").strip()
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", shell], capture_output=True, text=True, check=True
        )
        return int(children.stdout.split()[0])


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    try:
        yield terminal
    finally:
        terminal.tmux("kill-server")


def restored(terminal: Terminal, before: dict[str, str]) -> None:
    assert terminal.state() == before
    assert {"icanon", "echo", "isig", "icrnl", "ixon"} <= terminal.modes()


def test_a_whole_task_in_a_real_terminal(terminal, repository):
    words = repository / "greeter/words.py"
    before = terminal.state()
    terminal.start(repository)
    assert terminal.state()["alternate_on"] == "1"
    terminal.type("please add french to word_for")
    terminal.press("Enter")
    terminal.shows("Allow edit_text to change files?", '+WORDS = {"en": "Hello"', "y yes")
    assert "Bonjour" not in words.read_text()
    terminal.press("y")
    terminal.shows("French is there now", "cited, and read by the model")
    assert "Bonjour" in words.read_text()
    terminal.type("/undo")
    terminal.press("Enter")
    terminal.shows("undone: greeter/words.py")
    assert "Bonjour" not in words.read_text()
    terminal.type("/quit")
    terminal.press("Enter")
    terminal.shows("left with 0")
    restored(terminal, before)


def test_ctrl_c_stops_and_then_leaves(terminal, repository):
    before = terminal.state()
    terminal.start(repository)
    terminal.type("a draft")
    terminal.shows("a draft")
    terminal.press("C-c")
    terminal.lacks("a draft")
    terminal.press("C-c")
    terminal.shows("ctrl+c again leaves")
    terminal.press("C-c")
    terminal.shows("left with 0")
    restored(terminal, before)


def test_a_fault_of_the_program_gives_the_terminal_back(terminal, repository):
    before = terminal.state()
    terminal.start(repository)
    terminal.press("F12")
    terminal.shows("a fault of the program", "left with 1")
    restored(terminal, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_gives_the_terminal_back(terminal, repository, number):
    before = terminal.state()
    terminal.start(repository)
    os.kill(terminal.process(), number)
    terminal.shows(f"left with {128 + number}")
    restored(terminal, before)
