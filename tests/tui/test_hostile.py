"""Names, answers and output that try to steer the terminal, or are far too much: nothing of them gets through."""

import unicodedata

import pytest
from rich.style import Style
from textual.events import Paste

from megacontext.agent.events import FocusChange, FocusedEntry
from megacontext.models.language.scripted import call
from megacontext.tui.drawing.look import ROLES, look_of
from megacontext.tui.glyphs import UNICODE
from megacontext.tui.widgets.focus import FocusMap
from megacontext.tui.widgets.transcript.items import Answer, Cite, Code, Item, Note, Place, Said
from megacontext.tui.widgets.transcript.narrator import focus_item
from megacontext.tui.widgets.transcript.work import ToolCall

from .stage import Stage, play

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2066\x08 [red]x[/red] [@click=app.quit]y[/]"
NAME = "we\x1b[31m\u202eird[red].py"
TEN_MB = 10_000_000
LOOK = look_of(UNICODE, {role: Style() for role in ROLES}, dark=True)
OVER_AND_OUT = 20_000
"""Cells that anything of any size may take in the transcript."""


def steering(text: str) -> set[str]:
    """Characters that a terminal does not show, but obeys."""
    return {each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp")}


def huge(text: str) -> list[Item]:
    """Everything that can stand in the transcript, with this text wherever there is one."""
    entry = FocusedEntry(text[:200], 1, 9, 0, 10, 1.0, (text[:200],))
    items: list[Item] = [
        Said(text[:OVER_AND_OUT]),
        Answer(text[:OVER_AND_OUT]),
        Note(text[:200], "bad"),
        Cite(text[:200], "ok", (text[:200], 3)),
        Code(text[:200], text[:OVER_AND_OUT]),
        Place(text[:200], 1, 2, text, (text[:200],)),
        focus_item(FocusChange(100, 10, (entry,), 1, 0, 1.0)),
        ToolCall("c", text[:200], text[:200], text[:200], "bad", text[:200], text, [text[:200]]),
    ]
    return items


@pytest.mark.parametrize("opened", [False, True])
def test_no_item_steers_the_terminal(opened):
    for item in huge(EVIL + "\n\x00" + EVIL):
        item.opened = opened
        for strip in item.draw(50, LOOK):
            assert not steering(strip.text), item
            assert strip.cell_length <= 50


@pytest.mark.parametrize("text", ["x" * TEN_MB, "line\n" * (TEN_MB // 5)], ids=["a line", "lines"])
def test_ten_megabytes_are_drawn_in_part(text):
    tool = ToolCall("c", "run", "make", output=text, state="ok", opened=True)
    drawn = tool.draw(80, LOOK)
    assert sum(strip.cell_length for strip in drawn) < 80 * 1000
    assert "more" in drawn[-1].text
    assert tool.guess_height(80) < 1000


def test_names_answers_and_output_are_shown_and_obeyed_by_nobody(repository):
    (repository / NAME).write_text(f"def word_for_evil():\n    return {EVIL!r}\n# {EVIL}\n")
    octal = "".join(f"\\{byte:03o}" for byte in EVIL.encode())
    replies = [
        call("run", command=f"printf '{octal}'"),
        call("write", path="new[red].py", text=EVIL),
        f"# {EVIL}\n\n`{EVIL}` in {NAME}:1\n\n```{EVIL}\n{EVIL}\n```\n",
    ]

    async def scene(stage: Stage) -> None:
        async def clean(*words: str) -> None:
            await stage.shows(*words)
            for line in stage.lines():
                assert not steering(line), line

        await stage.send(f"word_for_evil {EVIL}")
        for word in ("printf", "new[red].py"):
            await stage.asked()
            await clean("Allow", word)
            await stage.press("question_mark")
            await clean("always would allow")
            await stage.press("y")
        await stage.settled()
        for item in stage.items:
            if item.opens and not item.opened:
                item.toggle()
        stage.main.transcript.changed(stage.items)
        await stage.press("ctrl+t", "home")
        await clean("word_for_evil ␛]0;owned␇")
        while stage.main.transcript.scroll_offset.y < stage.main.transcript.max_scroll_y:
            await stage.press("pagedown")
            await clean()
        await stage.send("/focus word_for_evil")
        await stage.until(
            lambda: any(m.path == NAME for m in stage.main.query_one(FocusMap).entries)
        )
        await stage.press("slash")
        await stage.type("ird")
        await stage.press("enter")
        await clean("ird[red].py", "word_for_evil")
        await stage.press("enter")
        await stage.until(lambda: len(stage.app.screen_stack) == 3)
        await clean("word_for_evil")
        await stage.press("escape", "escape")
        await stage.type("see @ird")
        await stage.until(lambda: stage.prompt.is_completing)
        await clean("see @ird", "ird[red].py")
        await stage.press("tab")
        await clean("see @we")
        assert stage.prompt.text == f"see @{NAME} "
        stage.app.post_message(Paste(EVIL))
        await stage.until(lambda: EVIL in stage.prompt.text)
        await clean("gnp.exe")
        stage.prompt.load("")
        await stage.send("/resume")
        await clean("which session", "word_for_evil")
        stage.app.post_message(Paste(EVIL))
        await clean("nothing fits")

    play(repository, scene, replies)


def test_ten_megabytes_of_a_program(repository):
    command = f"yes much to read | head -c {TEN_MB}; echo the end"

    async def scene(stage: Stage) -> None:
        await stage.send("go")
        await stage.asked()
        await stage.press("y")
        await stage.settled()
        await stage.press("ctrl+o")
        await stage.send(f"!{command}")
        await stage.settled()
        [code] = [item for item in stage.items if isinstance(item, Code)]
        assert len(code.text) < 100_000 and "the end" in code.text
        assert all(len(item.plain) < 1_000_000 for item in stage.items)
        await stage.type("still here")
        assert stage.prompt.text == "still here"

    play(repository, scene, [call("run", command=command), "done"])
