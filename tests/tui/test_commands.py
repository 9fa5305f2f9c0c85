"""Commands, the palette, the help, themes, the person's editor: by keys, and what stays of them."""

import pytest

from megacontext.models.language.scripted import ScriptedModel
from megacontext.tui.locations import preferences
from megacontext.tui.themes import DEFAULT

from .stage import ANSWER, NARROW, Stage, play

LIGHT = "megacontext-light"


def last(stage: Stage) -> str:
    return str(stage.items[-1].plain)


def test_commands_that_have_nothing_to_do_say_so(repository):
    told = {
        "/diff": "nothing was edited",
        "/fork": "nothing to fork",
        "/resume": "no saved session",
        "/unpin": "nothing was pinned",
        "/mode dance": "there is no mode dance; there are ask",
        "/theme dance": "there is no theme dance; there are ",
        "/redo": "nothing to do again",
        "/undo": "there is no edit to undo",
        "/trust": "is trusted from the next session on",
        "/trust ": "was trusted before",
        "/dance": "there is no command /dance",
    }

    async def scene(stage: Stage) -> None:
        for command, words in told.items():
            await stage.send(command)
            await stage.settled()
            await stage.until(lambda words=words: words in last(stage), words)
        await stage.send("/index")
        await stage.until(lambda: "fresh" in stage.read())

    play(repository, scene)


def test_where_the_prompt_goes_the_help_and_an_empty_screen(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("hello")
        await stage.settled()
        await stage.send("/context")
        await stage.shows("where the positions of the prompt go", "conversation (1 turns)", "all")
        await stage.press("escape", "f1")
        await stage.shows("What to type", "begins a command")
        await stage.press("G")
        await stage.shows("The focus view")
        await stage.press("q")
        await stage.send("/clear")
        assert stage.items == []
        assert [turn.text for turn in stage.main.desk.agent.turns] == ["hello"]

    play(repository, scene, ["hi"], size=NARROW)


def test_with_a_model_that_does_not_chat_there_is_no_prompt_to_share(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("/context")
        await stage.until(lambda: "does not chat" in last(stage))

    play(repository, scene, ScriptedModel([], chat=False))


def test_a_theme_is_looked_at_chosen_and_kept(repository):
    async def choose(stage: Stage) -> None:
        await stage.press("ctrl+p")
        await stage.shows("commands", "/theme [NAME]")
        await stage.type("theme")
        await stage.press("enter")
        await stage.shows("theme", "nord")
        await stage.type("light")
        await stage.press("down", "up")
        assert stage.app.theme != DEFAULT
        await stage.press("escape")
        assert stage.app.theme == DEFAULT and not preferences().exists()
        await stage.send(f"/theme {LIGHT}")
        assert stage.app.theme == LIGHT

    async def again(stage: Stage) -> None:
        assert stage.app.theme == LIGHT
        preferences().write_text('{"theme": ["damaged"')

    async def damaged(stage: Stage) -> None:
        assert stage.app.theme == DEFAULT
        await stage.press("ctrl+p")
        await stage.type("complete")
        await stage.press("enter")
        assert stage.prompt.text == "/complete ", "it needs to be told where"

    play(repository, choose)
    play(repository, again)
    play(repository, damaged)


def test_what_is_typed_fast_is_what_is_done(repository):
    async def scene(stage: Stage) -> None:
        await stage.type("/")
        await stage.until(lambda: stage.prompt.is_completing)
        # Enter comes before anything could be suggested for the rest.
        await stage.rush("u", "n", "d", "o", "enter")
        await stage.until(lambda: "there is no edit to undo" in last(stage))
        await stage.rush("x", "y", "left", "ctrl+d")
        await stage.until(lambda: stage.prompt.text == "x")
        await stage.press("ctrl+c")
        assert stage.prompt.text == ""
        await stage.press("ctrl+d")
        await stage.until(lambda: not stage.app.is_running)

    play(repository, scene)


@pytest.fixture
def editor(tmp_path, monkeypatch):
    """An editor that notes how it was called, and adds a word to what is no file of the repository."""
    calls = tmp_path / "calls"
    script = tmp_path / "editor"
    script.write_text(
        f'#!/bin/sh\necho "$@" >> {calls}\ncase "$1" in +*) ;; *) printf more >> "$1" ;; esac\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(script))
    return calls


def test_the_editor_writes_prompts_and_opens_places(repository, editor, monkeypatch):
    async def scene(stage: Stage) -> None:
        monkeypatch.setattr(stage.main, "suspended", lambda call: call())
        await stage.type("and ")
        await stage.press("ctrl+g")
        assert stage.prompt.text == "and more"
        await stage.send("/editor")
        assert stage.prompt.text == "more"
        await stage.send("where is word_for?")
        await stage.settled()
        await stage.press("ctrl+t", "o")
        assert editor.read_text().split("\n")[-2].split() == [
            "+6",
            str(stage.root / "greeter/words.py"),
        ]
        await stage.press("y")
        assert stage.app.clipboard.startswith("greeter/words.py:6")
        await stage.press("tab", "o")
        assert "greeter/" in editor.read_text().split("\n")[-2]
        await stage.press("enter")
        await stage.until(lambda: len(stage.app.screen_stack) == 3)
        await stage.press("o")
        await stage.until(lambda: len(stage.app.screen_stack) == 2)
        assert len(editor.read_text().split("\n")) == 6

    play(repository, scene, [ANSWER])
