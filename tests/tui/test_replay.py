"""A session, recorded by the app itself, watched again by keys."""

import asyncio
from typing import Any

import pytest
from textual.pilot import Pilot

from megacontext.agent.chat.sessions.store import Sessions
from megacontext.memory.places import Places
from megacontext.tui.desk.recorded import read_recorded
from megacontext.tui.replay import ReplayApp
from megacontext.tui.screens.replay import ReplayScreen
from megacontext.tui.widgets.focus import FocusMap
from megacontext.tui.widgets.transcript import Transcript
from tests.patience import LOOK_S

from .stage import ADD_FRENCH, ANSWER, NARROW, WIDE, Stage, play, pressed


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_a_session_is_watched_again(repository, size):
    async def session(stage: Stage) -> None:
        await stage.send("say hello to word_for in french")
        await stage.asked()
        await stage.press("y")
        await stage.settled()

    play(repository, session, [ADD_FRENCH, ANSWER])
    sessions = Sessions(Places(repository))
    recorded = read_recorded(sessions.folder / sessions.latest())

    async def watch() -> None:
        app = ReplayApp(recorded, "a session", playing=False)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await look_through(app, pilot)
        assert app.return_code == 0

    asyncio.run(watch())


async def look_through(app: ReplayApp, pilot: Pilot[Any]) -> None:
    screen = app.screen
    assert isinstance(screen, ReplayScreen)
    transcript, shown = screen.query_one(Transcript), screen.query_one(FocusMap)

    def kinds() -> list[str]:
        return [type(item).__name__ for item in transcript.items]

    await pressed(pilot, "right")
    assert kinds() == ["Said"]
    await pressed(pilot, "right")
    assert kinds() == ["Said", "Focused"]
    assert shown.entries and shown.picture.budget
    await pressed(pilot, "left")
    assert kinds() == ["Said"] and not shown.entries
    await pressed(pilot, "end")
    whole = kinds()
    assert whole[:3] == ["Said", "Focused", "ToolCall"] and "Answer" in whole
    await pressed(pilot, "tab", "right", "enter", "tab")
    assert screen.focused is None
    await pressed(pilot, "home")
    assert kinds() == []
    await pressed(pilot, "plus", "plus", "plus", "plus", "minus", "space")
    while kinds() != whole:
        await pilot.pause(LOOK_S)
    await pressed(pilot, "q")
