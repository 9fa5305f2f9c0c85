"""All tools by name, how each is started, and what it says about itself. Measures nothing."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from megacontext.models.choosing.choose import pocket_folder

from .installing import AIDER, RIPGREP, installed

BUDGET = 1_024
"""Tokens of an answer, at most."""
WITHOUT_FILES = 8
"""aider's map takes so many times its budget while no file is in the chat."""
Command = list[str | Path]


@dataclass(frozen=True)
class Entrant:
    """One tool."""

    name: str
    what: str
    command: Callable[[Path, Path], Command]
    """From the repository and a folder for what it keeps to how it is started; raises RivalError."""


def _own(
    name: str, *, program: Callable[[], Path] | None = None
) -> Callable[[Path, Path], Command]:
    def command(root: Path, home: Path) -> Command:
        module = [sys.executable, "-m", "tests.benchmarks.rivals.serve"]
        more = [program()] if program else []
        return [*module, name, root, home, str(BUDGET), *more]

    return command


def _aider(budget: int) -> Callable[[Path, Path], Command]:
    def command(root: Path, home: Path) -> Command:
        python = installed(AIDER) / "python"
        script = Path(__file__).with_name("aider_map.py")
        return [python, script, root, pocket_folder() / "tokenizer.json", str(budget)]

    return command


OURS = "MegaContext"
ENTRANTS = (
    Entrant(
        OURS,
        "kept fresh by its watcher, as its servers do; it also makes gists in the background, which the text "
        "codec does not read: memory, disk and time from nothing are with that",
        _own("megacontext"),
    ),
    Entrant("MegaContext, no gists", "the same with `memory.gists: off`", _own("megacontext_text")),
    Entrant(
        "aider's map",
        f"{AIDER}, the map that its coder makes for the question, no file in the chat, held to the same budget (it "
        "may pass it by 15 %); a map names definitions and is not meant to show them",
        _aider(BUDGET),
    ),
    Entrant(
        "aider's map, 8 ×",
        "the same at the size that aider gives it without files in the chat: eight times the tokens of all others",
        _aider(WITHOUT_FILES * BUDGET),
    ),
    Entrant(
        "ripgrep",
        f"{RIPGREP}: the question's words searched, the ten-line windows whose words are rarest together read",
        _own("ripgrep", program=lambda: installed(RIPGREP) / "rg"),
    ),
    Entrant(
        "FTS5",
        "ten-line passages in SQLite's full text with its stemmer, ranked by its BM25",
        _own("full_text"),
    ),
    Entrant(
        "dense",
        "ten-line passages embedded by mean hidden states of pocket, which is what can be had offline; a model "
        "trained for retrieval finds more, and is many times slower to embed with",
        _own("dense"),
    ),
    Entrant(
        "AMI",
        "LongCodeZip's idea: BM25's 24 best ten-line passages, ordered by how well pocket expects the question "
        "behind each",
        _own("explaining"),
    ),
)
