"""A long transcript: only what is in sight is drawn, nothing in sight moves, the end is followed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.pilot import Pilot

from megacontext.tui.drawing.drawn import LookScreen
from megacontext.tui.themed import ThemedApp
from megacontext.tui.widgets.transcript import Item, Transcript
from megacontext.tui.widgets.transcript.items import Answer, Note, Place, Said
from tests.tui.stage import pressed

SIZE = (60, 20)


class Counted(Answer):
    """Counts how often it was drawn."""

    drawn = 0

    def draw(self, width, look):
        type(self).drawn += 1
        return super().draw(width, look)


class OneScreen(LookScreen[None]):
    heard: list[Any]

    def on_mount(self) -> None:
        self.heard = []

    @on(Transcript.OpenPlace)
    @on(Transcript.Copied)
    @on(Transcript.Left)
    def hear(self, event: Any) -> None:
        self.heard.append(event)

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Transcript(id="transcript")


class OneApp(ThemedApp):
    def on_mount(self) -> None:
        self.push_screen(OneScreen())


def show(scene: Callable[[Transcript, Pilot[Any]], Awaitable[None]]) -> None:
    async def run() -> None:
        app = OneApp()
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            transcript = app.screen.query_one(Transcript)
            transcript.focus()
            await scene(transcript, pilot)

    asyncio.run(run())


def seen(transcript: Transcript) -> list[str]:
    return [transcript.render_line(y).text.strip() for y in range(SIZE[1])]


def long_answers(count: int) -> list[Item]:
    return [Counted(f"answer {n}\n\n" + "- point\n" * (n % 7 + 1)) for n in range(count)]


def test_two_thousand_messages_cost_what_is_in_sight():
    async def scene(transcript: Transcript, pilot: Pilot[Any]) -> None:
        Counted.drawn = 0
        transcript.add(*long_answers(2000))
        await pilot.pause()
        assert any("point" in line for line in seen(transcript))
        assert Counted.drawn < 30
        await pressed(pilot, "home")
        await pilot.pause()
        assert "answer 0" in seen(transcript)
        assert Counted.drawn < 60

    show(scene)


def test_the_end_is_followed_until_one_scrolls_up():
    async def scene(transcript: Transcript, pilot: Pilot[Any]) -> None:
        transcript.add(*long_answers(50), Note("the end"))
        await pilot.pause()
        assert "the end" in seen(transcript)[-1]
        await pressed(pilot, "pageup")
        await pilot.pause()
        before = seen(transcript)
        transcript.add(Note("one more"))
        await pilot.pause()
        assert seen(transcript) == before
        await pressed(pilot, "end")
        await pilot.pause()
        assert "one more" in seen(transcript)[-1]
        transcript.add(Note("and another"))
        await pilot.pause()
        assert "and another" in seen(transcript)[-1]

    show(scene)


def test_scrolling_up_over_guessed_heights_shows_every_line_once():
    async def scene(transcript: Transcript, pilot: Pilot[Any]) -> None:
        transcript.add(*(Answer(f"number {n}\n\n" + "word " * (n * 13 % 90)) for n in range(40)))
        await pilot.pause()
        found: list[str] = []
        for _ in range(400):
            found = [*dict.fromkeys([*(x for x in seen(transcript) if "number" in x), *found])]
            if transcript.scroll_offset.y == 0:
                break
            transcript.scroll_relative(y=-5, animate=False)
            await pilot.pause()
        assert found == [f"number {n}" for n in range(40)]

    show(scene)


def test_what_is_in_sight_stays_when_something_above_is_measured():
    async def scene(transcript: Transcript, pilot: Pilot[Any]) -> None:
        transcript.add(*long_answers(100))
        await pilot.pause()
        transcript.scroll_relative(y=-1, animate=False)
        await pilot.pause()
        before = seen(transcript)
        for _ in range(30):
            transcript.scroll_relative(y=-1, animate=False)
            await pilot.pause()
            now = seen(transcript)
            assert now[1:] == before[:-1]
            before = now

    show(scene)


def test_growing_text_is_drawn_again():
    async def scene(transcript: Transcript, pilot: Pilot[Any]) -> None:
        answer = Answer("begin")
        transcript.add(Said("question"), answer)
        for word in ("\n\nmiddle", "\n\nend"):
            answer.add(word)
            transcript.changed([answer])
            await pilot.pause()
        assert [line for line in seen(transcript) if line] == [
            "› question",
            "begin",
            "middle",
            "end",
        ]

    show(scene)


def test_another_width_is_another_layout():
    async def scene(transcript: Transcript, pilot: Pilot[Any]) -> None:
        transcript.add(Answer("word " * 40), Note("the end"))
        await pilot.pause()
        await pilot.resize_terminal(30, 20)
        await pilot.pause()
        assert {transcript.render_line(y).cell_length for y in range(20)} == {29}
        assert "the end" in "".join(seen(transcript))

    show(scene)


def test_another_theme_is_another_look():
    async def scene(transcript: Transcript, pilot: Pilot[Any]) -> None:
        transcript.add(Answer("# Title"))
        await pilot.pause()
        before = transcript.look
        pilot.app.theme = "megacontext-light"
        await pilot.pause()
        assert transcript.look is not before
        assert "# Title" in seen(transcript)

    show(scene)


@pytest.mark.parametrize("key", ["enter", "space"])
def test_items_are_chosen_opened_copied_and_visited(key):
    async def scene(transcript: Transcript, pilot: Pilot[Any]) -> None:
        text = "".join(f"line {n}\n" for n in range(30))
        place = Place("src/a.py", 7, 36, text)
        transcript.add(Said("where"), place, Note("that is all"))
        await pilot.pause()
        transcript.selected = 2
        await pressed(pilot, "up", key)
        assert transcript.selected == 1
        assert place.opened and any("line 14" in line for line in seen(transcript))
        await pressed(pilot, "o", "y", "escape", "tab")
        assert pilot.app.screen.heard == [
            Transcript.OpenPlace("src/a.py", 7),
            Transcript.Copied(place.plain),
            Transcript.Left(forward=False),
            Transcript.Left(forward=True),
        ]

    show(scene)
