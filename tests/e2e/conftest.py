"""A small repository and a tiny model, and the whole program as a subprocess."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from megacontext.agent.main import run as program
from tests.memory.workbench import commit_all, git, write_files
from tests.models import conftest as models

FILES: dict[str, str | bytes] = {
    "README.md": "# Greeter\n\nGreets people in several languages.\n",
    "greeter/__init__.py": "",
    "greeter/words.py": (
        '"""The words of a greeting."""\n\n'
        'WORDS = {"en": "Hello", "de": "Hallo"}\n\n\n'
        "def word_for(language):\n"
        '    """The first word of a greeting in a language."""\n'
        '    return WORDS.get(language, WORDS["en"])\n'
    ),
    "greeter/greet.py": (
        '"""Greetings."""\n\nfrom .words import word_for\n\n\n'
        "class Greeter:\n"
        '    """Greets people by name."""\n\n'
        "    def __init__(self, language):\n"
        "        self.language = language\n\n"
        "    def greet(self, name):\n"
        '        """A whole greeting."""\n'
        '        return f"{word_for(self.language)}, {name}!"\n'
    ),
    "tests/test_greet.py": (
        "from greeter.greet import Greeter\n\n\n"
        "def test_greeting():\n"
        '    assert Greeter("en").greet("Ada") == "Hello, Ada!"\n'
    ),
    ".env": "PASSWORD=hunter2\n",
    "logo.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    ".gitignore": "ignored/\n",
    "ignored/scratch.py": "nothing = None\n",
}


tokenizer_json, write_model = models.tokenizer_json, models.write_model  # fixtures


PATIENCE_S = 200
"""A program that loads a model takes a minute on a machine that is busy with everything else; pytest gives up later."""


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as one JSON value."""
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Nobody's settings: a home of its own, and one thread for tiny tensors."""
    home = tmp_path_factory.mktemp("home")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MEGACONTEXT_")}
    return {
        **kept,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "HF_HOME": str(home / "hub"),
        "HF_HUB_OFFLINE": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "PYTHONWARNINGS": "default",
    }


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "megacontext.agent.main", *map(str, arguments)]


@pytest.fixture(scope="session")
def run(environment: dict[str, str]) -> Callable[..., Outcome]:
    """Run `megacontext` to its end. Whatever happens, a person never sees a traceback."""

    def run_it(
        *arguments: object, cwd: Path | None = None, encoding: str = "utf-8", **variables: str
    ) -> Outcome:
        done = subprocess.run(
            command(*arguments),
            cwd=cwd,
            env=environment | variables,
            capture_output=True,
            encoding=encoding,
            check=False,
            timeout=PATIENCE_S,
            stdin=subprocess.DEVNULL,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run_it


@pytest.fixture
def run_here(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run `megacontext` in this process, which spares the start of another one; a traceback fails the test."""

    def run_it(*arguments: object, cwd: Path | None = None, **variables: str) -> Outcome:
        with monkeypatch.context() as patch:
            for name in os.environ.keys() - environment.keys():
                patch.delenv(name)
            for name, value in (environment | variables).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["megacontext", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.StringIO())
            patch.chdir(cwd or Path.cwd())
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                program()
        shown = capsys.readouterr()
        return Outcome(int(ended.value.code or 0), shown.out, shown.err)

    return run_it


@pytest.fixture(scope="session")
def model_folder(
    write_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A tiny random model that completes and cannot chat, as pocket does."""
    return write_model(tmp_path_factory.mktemp("models") / "tiny", chat=False)


@pytest.fixture(scope="session")
def chat_folder(write_model: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model with a chat template."""
    return write_model(tmp_path_factory.mktemp("models") / "talker", chat=True)


def make_repository(root: Path) -> Path:
    root.mkdir()
    git(root, "init", "-q")
    write_files(root, FILES)
    git(root, "add", "-f", ".env")
    commit_all(root)
    return root


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A committed git repository of its own."""
    return make_repository(tmp_path / "greeter")


@pytest.fixture(scope="session")
def indexed(
    tmp_path_factory: pytest.TempPathFactory, run: Callable[..., Outcome], model_folder: Path
) -> Path:
    """A repository that is indexed without gists, for tests that only read it."""
    root = make_repository(tmp_path_factory.mktemp("shared") / "greeter")
    assert run("index", root, "--no-gists", "--model", model_folder).code == 0
    return root
