"""Asking the person: every answer, hunk by hunk, and what becomes of the files."""

from pathlib import Path

import pytest

from megacontext.models.language.scripted import ScriptedModel, call
from megacontext.tui.widgets.transcript.work import ToolCall

from .stage import ADD_FRENCH, NARROW, WIDE, Stage, play

LONG = "".join(f"line {number}\n" for number in range(60))
TWO_HUNKS = call(
    "write",
    path="long.txt",
    text=LONG.replace("line 3\n", "LINE 3\n").replace("line 50\n", "LINE 50\n"),
)
RUN = call("run", command="echo it ran > ran.txt")


def words(stage: Stage) -> str:
    return (stage.root / "greeter/words.py").read_text()


def tool(stage: Stage) -> ToolCall:
    return next(item for item in stage.items if isinstance(item, ToolCall))


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_yes_makes_the_edit(repository, size):
    async def scene(stage: Stage) -> None:
        await stage.send("add french")
        await stage.asked()
        await stage.shows("Allow edit_text to change files?", '+WORDS = {"en"', "y yes", "n no")
        assert "Bonjour" not in words(stage)
        await stage.press("y")
        await stage.settled()
        assert "Bonjour" in words(stage)
        assert tool(stage).state == "ok"
        assert not stage.approval.display
        assert stage.prompt.text_area.has_focus

    play(repository, scene, [ADD_FRENCH, "done"], size=size)


def test_no_with_a_reason_is_told_to_the_model(repository):
    model = ScriptedModel([ADD_FRENCH, "then not"])

    async def scene(stage: Stage) -> None:
        await stage.send("add french")
        await stage.asked()
        await stage.press("n")
        await stage.press("escape")
        assert stage.approval.request is not None
        await stage.press("n")
        await stage.type("too early")
        await stage.press("enter")
        await stage.settled()
        assert "Bonjour" not in words(stage)
        assert tool(stage).state == "refused"
        await stage.shows("not allowed: too early")

    play(repository, scene, model)
    assert "too early" in model.texts[-1]


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
def test_stop_ends_the_turn(repository, key):
    async def scene(stage: Stage) -> None:
        await stage.send("add french")
        await stage.asked()
        await stage.press(key)
        await stage.settled()
        assert "Bonjour" not in words(stage)
        assert stage.items[-1].role == "warn"
        assert stage.approval.request is None

    play(repository, scene, [ADD_FRENCH, "not asked for"])


def test_always_is_not_asked_again(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("run it")
        await stage.asked()
        await stage.shows("$ echo it ran > ran.txt")
        await stage.press("a")
        await stage.until(lambda: stage.approval.request is None or len(stage.app.screen_stack) > 2)
        if len(stage.app.screen_stack) > 2:
            await stage.shows("in this session, always allow")
            await stage.press("enter")
        await stage.settled()
        assert (stage.root / "ran.txt").read_text() == "it ran\n"
        await stage.send("again")
        await stage.settled()
        assert [item.state for item in stage.items if isinstance(item, ToolCall)] == ["ok", "ok"]

    play(repository, scene, [RUN, "one", RUN, "two"])


def test_a_hunk_is_left_out(repository):
    (repository / "long.txt").write_text(LONG)

    async def scene(stage: Stage) -> None:
        await stage.send("change it")
        await stage.asked()
        await stage.press("down", "space")
        await stage.shows("[□] @@ -48")
        await stage.press("y")
        await stage.settled()
        text = (stage.root / "long.txt").read_text()
        assert "LINE 3\n" in text and "line 50\n" in text

    play(repository, scene, [TWO_HUNKS, "done"])


def test_a_long_change_can_be_read_to_its_end(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("write it")
        await stage.asked()
        await stage.shows("+line 1")
        assert "+line 59" not in stage.read()
        await stage.press(*["pagedown"] * 8)
        await stage.shows("+line 59")
        await stage.press(*["pageup"] * 8, "down")
        await stage.shows("+line 1")
        await stage.press("escape")
        await stage.settled()

    play(repository, scene, [call("write", path="long.txt", text=LONG)], size=NARROW)


def test_all_hunks_left_out_is_a_no(repository):
    (repository / "long.txt").write_text(LONG)

    async def scene(stage: Stage) -> None:
        await stage.send("change it")
        await stage.asked()
        await stage.press("space", "down", "space", "y")
        await stage.settled()
        assert (stage.root / "long.txt").read_text() == LONG
        assert tool(stage).state == "refused"

    play(repository, scene, [TWO_HUNKS, "then not"])


def test_the_person_writes_the_change(repository, tmp_path, monkeypatch):
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/Bonjour/Salut/ "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))

    async def scene(stage: Stage) -> None:
        monkeypatch.setattr(stage.main, "suspended", lambda call: call())
        await stage.send("add french")
        await stage.asked()
        await stage.press("e")
        await stage.shows("Salut")
        await stage.press("y")
        await stage.settled()
        assert "Salut" in words(stage) and "Bonjour" not in words(stage)

    play(repository, scene, [ADD_FRENCH, "done"])


def test_why_is_told(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("add french")
        await stage.asked()
        await stage.press("question_mark")
        await stage.shows("every edit is asked about; always would allow")
        await stage.press("question_mark", "escape")
        await stage.settled()

    play(repository, scene, [ADD_FRENCH, ""])


def test_in_accept_edits_edits_are_not_asked_about(repository):
    async def scene(stage: Stage) -> None:
        await stage.press("shift+tab")
        await stage.shows("mode: accept-edits")
        await stage.send("add french")
        await stage.settled()
        assert "Bonjour" in words(stage)

    play(repository, scene, [ADD_FRENCH, "done"])


def test_in_plan_mode_nothing_is_written(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("/mode plan")
        await stage.shows("mode: plan")
        await stage.send("add french")
        await stage.settled()
        assert "Bonjour" not in words(stage)
        assert tool(stage).state == "refused"

    play(repository, scene, [ADD_FRENCH, "here is the plan"])


def test_leaving_while_a_question_is_open_ends_in_good_order(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("add french")
        await stage.asked()
        await stage.press("ctrl+q")

    play(repository, scene, [ADD_FRENCH, "never"])
    assert "Bonjour" not in (repository / "greeter/words.py").read_text()


def test_a_file_outside_is_not_written(repository, tmp_path):
    outside = tmp_path / "out.txt"

    async def scene(stage: Stage) -> None:
        await stage.send("write outside")
        await stage.settled()
        assert stage.approval.request is None
        assert tool(stage).state == "bad"

    play(repository, scene, [call("write", path="../out.txt", text="x"), "no"])
    assert not Path(outside).exists()
