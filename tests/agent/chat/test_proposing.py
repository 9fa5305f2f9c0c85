"""Edits that are proposed and not made, whatever tools the model uses for them."""

from pathlib import Path

import pytest

from megacontext.agent.chat.events import ToolFinished, TurnEnded
from megacontext.agent.chat.proposing import proposing
from megacontext.agent.chat.tasks import (
    Selected,
    edit_task,
    explain_question,
    fix_task,
)
from megacontext.agent.chat.tasks import tests_task as task_of_tests
from megacontext.models.language.scripted import ScriptedModel, call

WORDS = "greeter/words.py"
HELLO = call("edit_text", path=WORDS, old='"en": "Hello"', new='"en": "Hi"')


def propose(engine, *, texts=None, task: str = "do it"):
    with proposing(engine, texts or {}) as (agent, draft):
        events = list(agent.send(task))
        return events, draft.proposed


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".megacontext" not in path.parts
    }


def test_edits_are_proposed_one_after_the_other_and_nothing_is_written(open_engine, repository):
    second = call("edit_text", path=WORDS, old='"en": "Hi"', new='"en": "Hey"')
    new = call("write", path="tests/test_new.py", content="def test_new():\n    assert True\n")
    again = call("write", path="tests/test_new.py", content="def test_newer():\n    assert True\n")
    model = ScriptedModel([HELLO, second, new, again, "Done."])
    engine = open_engine(model, tools__commit=True, tools__checks=["touch checked"])
    before = files(repository)
    events, proposed = propose(engine)
    assert isinstance(events[-1], TurnEnded)
    assert events[-1].reason == "done"
    old, text = proposed[WORDS]
    assert old == before[WORDS].decode()
    assert text == old.replace("Hello", "Hey")
    assert proposed["tests/test_new.py"] == (None, "def test_newer():\n    assert True\n")
    assert files(repository) == before
    assert not (repository / ".megacontext/sessions").exists()
    assert list((repository / ".megacontext/undo").iterdir()) == []


def test_an_open_text_is_what_an_edit_is_of(open_engine, repository):
    text = '# typed\nWORDS = {"en": "Hello"}\n'
    _, proposed = propose(open_engine(ScriptedModel([HELLO, "Done."])), texts={WORDS: text})
    assert proposed == {WORDS: (text, text.replace("Hello", "Hi"))}


def test_what_comes_to_nothing_is_no_proposal(open_engine):
    back = call("edit_text", path=WORDS, old='"en": "Hi"', new='"en": "Hello"')
    _, proposed = propose(open_engine(ScriptedModel([HELLO, back, "Done."])))
    assert proposed == {}


@pytest.mark.parametrize(
    "asked",
    [
        call("run", command="touch ran"),
        call("write", path="../outside.py", content="x = 1\n"),
        call("write", path="keys/.env", content="PASSWORD=x\n"),
        call("write", path=".git/config", content="x\n"),
        call("edit_text", path="latin.txt", old="caf", new="tea"),
    ],
)
def test_what_cannot_be_proposed_is_not_done(open_engine, repository, asked):
    (repository / "latin.txt").write_bytes(b"caf\xe9\n")
    engine = open_engine(ScriptedModel([asked, "I cannot."]), permissions__allow=["edit", "run"])
    before = files(repository)
    events, proposed = propose(engine)
    assert proposed == {}
    assert files(repository) == before
    assert not [each for each in events if isinstance(each, ToolFinished) and each.ok]


def test_a_rule_that_denies_an_edit_denies_its_proposal(open_engine):
    engine = open_engine(ScriptedModel([HELLO, "No."]), permissions__deny=[f"edit({WORDS})"])
    assert propose(engine)[1] == {}


def test_the_focus_of_the_engine_is_left_alone(open_engine):
    engine = open_engine(ScriptedModel(["Done."]))
    propose(engine)
    assert engine.focused is None


@pytest.mark.parametrize("write", [edit_task, fix_task])
def test_tasks_name_the_place_and_hold_the_code(write):
    selected = Selected("a.py", 3, 4, "f", "x = '```'\n" + "y" * 100_000)
    task = write(selected, "make it so")
    assert "f (a.py:3-4)" in task
    assert "make it so" in task
    assert "\n````\nx = '```'" in task
    assert len(task) < 25_000
    assert "a.py:3-4" in explain_question(selected)
    assert "tests" in task_of_tests(selected)
