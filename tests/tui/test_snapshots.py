"""The main screens as pictures, at two sizes. `UPDATE_SNAPSHOTS=1` draws them anew; look before you keep them."""

import difflib
import html
import os
import re
import time
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from megacontext.tui.glyphs import ASCII
from tests.patience import LOOK_S

from .stage import ADD_FRENCH, ANSWER, NARROW, WIDE, Stage, play

FOLDER = Path(__file__).parent / "snapshots"
QUESTION = "Where is word_for defined, and what uses it?"
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=lambda size: f"{size[0]}x{size[1]}")
LAST_STROKE_S = 30.0
"""A picture that differs then is another one."""
CLOCKS = (
    "megacontext.memory.focus.focus",
    "megacontext.agent.chat.agent",
    "megacontext.agent.chat.limits",
    "megacontext.agent.chat.calls",
    "megacontext.tui.screens.reader",
)


@pytest.fixture(autouse=True)
def _nothing_that_differs_from_run_to_run(monkeypatch):
    still = SimpleNamespace(perf_counter=lambda: 0.0, monotonic=lambda: 0.0, time=lambda: 0.0)
    for clock in CLOCKS:
        monkeypatch.setattr(import_module(clock), "time", still)
    reason = "pocket: from ~/models/pocket, in float32 on cpu"
    monkeypatch.setattr("megacontext.tui.desk.desk._homely", lambda _: reason)


def text_of(svg: str) -> list[str]:
    """The words of a picture by line, to tell a person what differs."""
    rows: dict[float, list[tuple[float, str]]] = {}
    found = re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', svg)
    for x, y, words in found:
        rows.setdefault(float(y), []).append((float(x), html.unescape(words).replace("\xa0", " ")))
    return ["".join(words for _, words in sorted(row)).rstrip() for _, row in sorted(rows.items())]


async def keep(stage: Stage, name: str) -> None:
    """Wait until the screen looks like the picture of this name."""
    await stage.pilot.pause()
    width, height = stage.app.size
    path = FOLDER / f"{name}-{width}x{height}.svg"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(stage.app.export_screenshot(), encoding="utf-8")
    kept = path.read_text(encoding="utf-8") if path.exists() else ""
    end = time.monotonic() + LAST_STROKE_S
    while (drawn := stage.app.export_screenshot()) != kept and time.monotonic() < end:
        await stage.pilot.pause(LOOK_S)
    if drawn != kept:
        differs = difflib.unified_diff(text_of(kept), text_of(drawn), "kept", "drawn", lineterm="")
        pytest.fail("\n".join([f"{path.name} differs:", *differs, "(colours, if nothing else)"]))


@SIZES
def test_the_first_screen(repository, size):
    async def scene(stage: Stage) -> None:
        await stage.shows("Or: /complete")
        await keep(stage, "first")
        await stage.type("/")
        await stage.shows("/focus")
        await keep(stage, "commands")

    play(repository, scene, None, size=size)


@SIZES
def test_places_and_the_focus_view(repository, size):
    async def scene(stage: Stage) -> None:
        await stage.send(QUESTION)
        await stage.settled()
        await stage.shows("greeter/words.py")
        await keep(stage, "places")
        await stage.press("ctrl+f")
        await stage.shows("L0 verbatim", "WORDS = {")
        await keep(stage, "focus")

    play(repository, scene, None, size=size)


@SIZES
def test_a_question_and_an_answer(repository, size):
    async def scene(stage: Stage) -> None:
        await stage.send("say word_for in french")
        await stage.asked()
        await stage.shows("Allow edit_text")
        await stage.until(lambda: "def word_for" in stage.read())
        await keep(stage, "approval")
        await stage.press("y")
        await stage.settled()
        await stage.shows("See greeter/words.py:6 too.")
        await keep(stage, "answer")

    # The watcher finds what the agent has taken in already: nothing is focused anew behind the answer.
    play(repository, scene, [ADD_FRENCH, ANSWER], size=size, memory__debounce_ms=10_000)


def test_without_unicode(repository):
    async def scene(stage: Stage) -> None:
        await stage.send(QUESTION)
        await stage.settled()
        await stage.press("ctrl+f")
        await stage.shows("L0 verbatim", "WORDS = {")
        await keep(stage, "ascii")

    play(repository, scene, None, size=NARROW, glyphs=ASCII)


def test_the_light_theme(repository):
    async def scene(stage: Stage) -> None:
        await stage.send("/theme megacontext-light")
        await stage.send(QUESTION)
        await stage.settled()
        await stage.shows("greeter/words.py")
        await stage.until(lambda: "def word_for" in stage.read())
        await keep(stage, "light")

    play(repository, scene, None, size=WIDE)
