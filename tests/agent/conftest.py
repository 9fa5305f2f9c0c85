"""Engines in this process: a small repository, a tiny random model in a real folder, and a scripted one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from megacontext.agent.engine import Engine
from megacontext.agent.opening import Workplace
from megacontext.models.base import BaseModel
from tests.memory.workbench import write_files
from tests.models.conftest import tiny_models, tokenizer_json, write_model  # noqa: F401  fixtures

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
    "keys/.env": "PASSWORD=hunter2-hunter2\n",
}

OpenEngine = Callable[..., Engine]


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "greeter"
    (root / ".megacontext").mkdir(parents=True)
    write_files(root, FILES)
    return root


@pytest.fixture(scope="session")
def model_folder(write_model, tmp_path_factory) -> Path:  # noqa: F811
    """A random model that completes and does not chat."""
    return write_model(tmp_path_factory.mktemp("model"), chat=False)


@pytest.fixture
def workplace(repository: Path, model_folder: Path) -> Callable[..., Workplace]:
    def make(**settings: Any) -> Workplace:
        named = {key.replace("__", "."): value for key, value in settings.items()}
        return Workplace.at(repository, {"model.name": str(model_folder)} | named)

    return make


@pytest.fixture
def open_engine(workplace) -> Iterator[OpenEngine]:
    """An engine over the indexed repository; settings as `focus__budget=…`."""
    with ExitStack() as opened:

        def make(model: BaseModel | None = None, *, write: bool = True, **settings: Any) -> Engine:
            place = workplace(**settings)
            memory = opened.enter_context(place.open_memory(write=write))
            engine = Engine(place, memory, model)
            engine.refresh()
            return engine

        yield make
