"""What is read before a completion stays while somebody types, for as long as it is true."""

from collections.abc import Sequence

import pytest

from megacontext.agent.events import FocusChange
from megacontext.memory.focus import Position
from megacontext.models.language.scripted import ScriptedModel
from tests.agent.conftest import (  # noqa: F401  fixture  # noqa: F401  fixtures
    FILES,
    _no_settings_of_this_machine,
    model_folder,
    open_engine,
    repository,
    workplace,
)
from tests.memory.workbench import write_files
from tests.models.conftest import tiny_models, tokenizer_json, write_model  # noqa: F401  fixtures

GREET = "greeter/greet.py"
LINES = str(FILES[GREET]).split("\n")


def memory_of(model: ScriptedModel) -> list[str]:
    """What stood before the file itself, in each prompt."""
    return [text.partition(f"{GREET}\n<|fim_prefix|>")[0] for text in model.texts]


def ask(engine, *places: tuple[int, int]) -> Sequence[FocusChange]:
    events = [list(engine.complete(Position(GREET, line, column))) for line, column in places]
    return [each[0] for each in events]


def test_near_by_the_same_memory_stands(open_engine):  # noqa: F811
    model = ScriptedModel(["x"] * 3)
    engine = open_engine(model)
    first, second, third = ask(engine, (13, 5), (13, 6), (9, 5))
    assert first == second == third
    assert len(set(memory_of(model))) == 1
    assert "def word_for" in memory_of(model)[0]


@pytest.mark.parametrize("indexed", [True, False])
def test_what_has_changed_is_chosen_anew(open_engine, indexed):  # noqa: F811
    model = ScriptedModel(["x"] * 2)
    engine = open_engine(model)
    ask(engine, (13, 5))
    words = str(FILES["greeter/words.py"]).replace("WORDS", "PHRASES")
    write_files(engine.memory.places.root, {"greeter/words.py": words})
    if indexed:
        engine.refresh()
    ask(engine, (13, 6))
    before, after = memory_of(model)
    assert "WORDS" in before
    assert "PHRASES" in after and "WORDS" not in after


def test_far_away_and_in_another_file_it_is_chosen_anew(open_engine):  # noqa: F811
    model = ScriptedModel(["x"] * 3)
    engine = open_engine(model)
    write_files(engine.memory.places.root, {GREET: "\n".join(LINES) + "\n" * 60})
    engine.refresh()
    near, far = ask(engine, (13, 5), (60, 1))
    assert near != far
    other, *_ = engine.complete(Position("greeter/words.py", 4, 1))
    assert "greeter/words.py" not in {entry.path for entry in other.entries if entry.level == 0}
