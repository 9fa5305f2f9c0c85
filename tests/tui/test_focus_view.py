"""The focus view by keys: moving, wishes, finding, the text of an entry; and the strip on narrow screens."""

import pytest

from megacontext.memory.focus import Span
from megacontext.tui.desk.picture import Mark
from megacontext.tui.glyphs import ASCII
from megacontext.tui.widgets.focus import EntryDetails, FocusMap

from .stage import NARROW, WIDE, Stage, play

QUESTION = "Where is word_for defined, and what uses it?"


def the_map(stage: Stage) -> FocusMap:
    return stage.main.query_one(FocusMap)


def level_of(stage: Stage, path: str) -> list[tuple[int, bool]]:
    return [(mark.level, mark.silent) for mark in the_map(stage).entries if mark.path == path]


async def ask(stage: Stage) -> None:
    await stage.send(QUESTION)
    await stage.settled()
    await stage.until(lambda: the_map(stage).entries)


async def select(stage: Stage, path: str) -> Mark:
    """Go to an entry with keys alone."""
    shown = the_map(stage)
    wanted = next(n for n, mark in enumerate(shown.entries) if mark.path == path)
    await stage.press(*(["right"] * (wanted - shown.cursor) or ["left"] * (shown.cursor - wanted)))
    mark = shown.mark
    assert mark is not None and mark.path == path
    return mark


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_the_focus_view_opens_and_closes(repository, size):
    async def scene(stage: Stage) -> None:
        await ask(stage)
        if size == NARROW:
            await stage.shows("words.py ▇")
            assert not the_map(stage).region
        await stage.press("ctrl+f")
        assert the_map(stage).has_focus
        await stage.shows("focus  ", " / 2,048", "greeter/words.py", "L0 verbatim  ", "score +")
        await stage.press("tab")
        assert stage.prompt.text_area.has_focus
        await stage.press("f2", "f2")
        assert stage.prompt.text_area.has_focus

    play(repository, scene, None, size=size)


def test_the_selected_entry_tells_its_reasons_and_its_text(repository):
    async def scene(stage: Stage) -> None:
        await ask(stage)
        await stage.press("ctrl+f")
        await select(stage, "greeter/words.py")
        await stage.shows("greeter/words.py:", "bm25", "def word_for(language):")
        await stage.press("enter")
        await stage.until(lambda: len(stage.app.screen_stack) == 3)
        await stage.shows("L0 verbatim", "def word_for(language):", "7 ")
        await stage.press("down", "pagedown", "G", "g", "escape")
        assert the_map(stage).has_focus

    play(repository, scene, None)


def test_wishes_change_the_focus(repository):
    async def scene(stage: Stage) -> None:
        await ask(stage)
        control = stage.main.desk.agent.calls.shop.focus
        await stage.press("ctrl+f")
        mark = await select(stage, "greeter/words.py")
        span = Span(mark.path, mark.start_line, mark.end_line)
        await stage.press("c")
        await stage.until(lambda: (0, False) not in level_of(stage, "greeter/words.py"))
        assert control.collapsed == (span,)
        await select(stage, "greeter/words.py")
        await stage.press("p")
        await stage.until(lambda: (0, False) in level_of(stage, "greeter/words.py"))
        assert len(control.pinned) == 1 and not control.collapsed
        await stage.until(lambda: "pinned" in stage.read())
        await select(stage, "greeter/words.py")
        await stage.press("r")
        await stage.until(lambda: not control.pinned)
        await stage.press("e")
        await stage.until(lambda: control.expanded)

    play(repository, scene, None)


def test_a_folder_as_a_whole_cannot_be_pinned(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("/focus zzz")
        await stage.until(lambda: the_map(stage).entries)
        await stage.press("home", "p")
        await stage.until(lambda: "choose a file in it" in stage.items[-1].plain)

    play(repository, scene, None)


def test_finding_a_path(repository):
    async def scene(stage: Stage) -> None:
        await ask(stage)
        await stage.press("ctrl+f", "slash")
        await stage.type("test")
        await stage.press("enter")
        shown = the_map(stage)
        assert shown.has_focus and "test" in shown.mark.path
        await stage.press("n", "N")
        assert "test" in shown.mark.path
        await stage.press("slash")
        await stage.type("nowhere")
        assert stage.main.query_one("#find").has_class("-missing")
        await stage.press("escape")
        assert shown.has_focus

    play(repository, scene, None)


def test_only_what_is_in_focus_can_be_shown(repository):
    async def scene(stage: Stage) -> None:
        await ask(stage)
        shown = the_map(stage)
        await stage.press("ctrl+f")
        everything = len(shown.entries)
        await stage.press("f")
        assert shown.entries and not any(mark.silent for mark in shown.entries)
        await stage.press("f")
        assert len(shown.entries) == everything

    play(repository, scene, None)


def test_focusing_by_command(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("/focus the class Greeter")
        await stage.until(lambda: (0, False) in level_of(stage, "greeter/greet.py"))
        assert the_map(stage).has_focus
        await stage.press("escape")
        await stage.send("/pin README.md:1-3")
        await stage.until(lambda: (0, False) in level_of(stage, "README.md"))
        await stage.send("/unpin")
        await stage.until(lambda: not stage.main.desk.agent.calls.shop.focus.pinned)
        await stage.send("/pin")
        assert stage.prompt.text == "/pin "

    play(repository, scene, None)


def test_a_file_that_changes_is_taken_in(repository):
    async def scene(stage: Stage) -> None:
        await ask(stage)
        words = "greeter/words.py"
        (stage.root / words).write_text("def word_for(language):\n    return 'Salut'\n")
        memory = stage.main.desk.keeper.engine.memory

        def is_known() -> bool:
            with memory.reading():
                return memory.catalogue.file(words).lines == 2

        await stage.until(is_known)
        await stage.send(QUESTION)
        await stage.settled()
        await stage.press("ctrl+f")
        await select(stage, words)
        await stage.until(lambda: "Salut" in stage.main.query_one(EntryDetails).text)

    play(repository, scene, None)


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_without_unicode_everything_is_ascii(repository, size):
    async def scene(stage: Stage) -> None:
        await ask(stage)
        assert stage.read().isascii()
        await stage.press("ctrl+f")
        assert stage.read().isascii()
        assert "#" in stage.read()
        await stage.press("tab", "ctrl+p")
        assert stage.read().isascii()

    play(repository, scene, None, size=size, glyphs=ASCII)
