"""Every key that the app declares does what it says, is in the guide, and does not need what a terminal lacks."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.actions import parse
from textual.binding import Binding

from megacontext.tui import keys
from megacontext.tui.app import MegaContextApp
from megacontext.tui.desk.recorded import Recorded
from megacontext.tui.replay import ReplayApp
from megacontext.tui.screens.help import shown_key
from megacontext.tui.screens.main import MainScreen
from megacontext.tui.screens.picker import Choice, Picker
from megacontext.tui.screens.replay import ReplayScreen
from megacontext.tui.screens.text import TextScreen
from megacontext.tui.widgets.approval import ApprovalPanel
from megacontext.tui.widgets.focus import FocusMap
from megacontext.tui.widgets.prompt.prompt import PromptText
from megacontext.tui.widgets.transcript import Transcript

from .stage import ADD_FRENCH, Stage, play, pressed

GUIDE = Path(__file__).parents[2] / "docs" / "tui.md"
OWNERS: dict[str, tuple[type[Any], keys.Bindings]] = {
    "everywhere": (MegaContextApp, keys.APP),
    "main screen": (MainScreen, keys.MAIN),
    "prompt": (PromptText, keys.PROMPT),
    "transcript": (Transcript, keys.TRANSCRIPT),
    "focus view": (FocusMap, keys.FOCUS_MAP),
    "question": (ApprovalPanel, keys.APPROVAL),
    "list": (Picker, keys.PICKER),
    "text": (TextScreen, keys.TEXT),
    "replay app": (ReplayApp, keys.REPLAY_APP),
    "replay": (ReplayScreen, keys.REPLAY),
}
Press = tuple[str, str, tuple[Any, ...]]
"""Key, action and its arguments."""


def presses(bindings: keys.Bindings) -> Iterator[Press]:
    for binding in bindings:
        assert isinstance(binding, Binding)
        for key in binding.key.split(","):
            _, action, arguments = parse(binding.action)
            yield key, action, arguments


class Heard:
    """What actions were called, in place of doing them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.actions: list[tuple[str, tuple[Any, ...]]] = []
        self._patch = monkeypatch

    def instead_of(self, owner: type[Any], bindings: keys.Bindings) -> None:
        for _, action, _ in presses(bindings):
            # One is the screen's.
            found = owner if hasattr(owner, f"action_{action}") else MainScreen
            self._patch.setattr(found, f"action_{action}", self._record(action))

    def _record(self, action: str) -> Any:
        def call(_: object, *arguments: Any) -> None:
            self.actions.append((action, arguments))

        return call


async def check(
    stage: Stage, heard: Heard, bindings: keys.Bindings, but: Iterable[str] = ()
) -> None:
    """Press all keys of one part of the screen, `but` those that mean something else there."""
    for key, action, arguments in presses(bindings):
        if key not in but:
            heard.actions.clear()
            await stage.key(key)
            assert heard.actions == [(action, arguments)], key


def test_every_key_of_the_main_screen_reaches_its_action(repository, monkeypatch):
    heard = Heard(monkeypatch)
    for part in ("everywhere", "main screen", "prompt", "transcript", "focus view"):
        owner, bindings = OWNERS[part]
        heard.instead_of(owner, bindings)

    async def scene(stage: Stage) -> None:
        main = stage.main
        await check(stage, heard, keys.PROMPT)
        await check(stage, heard, keys.APP)
        await check(stage, heard, keys.MAIN)
        main.transcript.focus()
        await check(stage, heard, keys.TRANSCRIPT)
        main.show_focus()
        await check(stage, heard, keys.FOCUS_MAP)

    play(repository, scene)


def test_every_key_of_a_question_reaches_its_action(repository, monkeypatch):
    heard = Heard(monkeypatch)

    async def scene(stage: Stage) -> None:
        await stage.send("add french")
        await stage.asked()
        with monkeypatch.context() as patch:
            heard._patch = patch
            heard.instead_of(ApprovalPanel, keys.APPROVAL)
            await check(stage, heard, keys.APPROVAL)
        await stage.press("escape")
        await stage.settled()

    play(repository, scene, [ADD_FRENCH])


def test_every_key_of_lists_and_texts_reaches_its_action(repository, monkeypatch):
    heard = Heard(monkeypatch)
    heard.instead_of(Picker, keys.PICKER)
    heard.instead_of(TextScreen, keys.TEXT)

    async def scene(stage: Stage) -> None:
        text = TextScreen("a text", "text", lambda width, look: [], editable=True)
        await stage.app.push_screen(text)
        await check(stage, heard, keys.TEXT)
        await stage.app.push_screen(Picker("a list", [Choice("one")]))
        await check(stage, heard, keys.PICKER)

    play(repository, scene)


def test_every_key_of_a_replay_reaches_its_action(monkeypatch):
    heard = Heard(monkeypatch)
    for part in ("replay app", "replay"):
        heard.instead_of(*OWNERS[part])

    async def run() -> None:
        app = ReplayApp(Recorded((), ()), "nothing", playing=False)
        async with app.run_test() as pilot:
            await pilot.pause()
            for _, bindings in (OWNERS["replay app"], OWNERS["replay"]):
                for key, action, arguments in presses(bindings):
                    heard.actions.clear()
                    await pressed(pilot, key)
                    assert heard.actions == [(action, arguments)], key

    asyncio.run(run())


@pytest.mark.parametrize("part", OWNERS)
def test_every_key_is_in_the_guide(part):
    row = {"main screen": "everywhere", "replay app": "replay"}.get(part, part)
    line = next(
        each for each in GUIDE.read_text("utf-8").split("\n") if each.startswith(f"| {row} |")
    )
    told = set(re.findall(r"`([^`]+)`", line))
    for key, _, _ in presses(OWNERS[part][1]):
        assert shown_key(key) in told


@pytest.mark.parametrize("part", OWNERS)
def test_no_key_has_two_meanings_and_none_needs_a_special_terminal(part):
    found = [key for key, _, _ in presses(OWNERS[part][1])]
    assert len(found) == len(set(found))
    # Everything behind a key that ssh, tmux or a laptop may lack has another one.
    actions: dict[tuple[str, tuple[Any, ...]], list[str]] = {}
    for key, action, arguments in presses(OWNERS[part][1]):
        actions.setdefault((action, arguments), []).append(key)
    for action, names in actions.items():
        plain = [name for name in names if not name.startswith(("alt+", "shift+enter", "super+"))]
        assert plain, action
