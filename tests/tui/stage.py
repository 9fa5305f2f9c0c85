"""The app on a stage: a small repository, a scripted model, keys pressed, and what can be read on the screen."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from textual.events import Key
from textual.pilot import Pilot

from megacontext.agent.chat.opening import Wanted
from megacontext.agent.opening import Workplace
from megacontext.models.base import BaseModel
from megacontext.models.language.scripted import ScriptedModel, call
from megacontext.tui.app import MegaContextApp
from megacontext.tui.glyphs import UNICODE, Glyphs
from megacontext.tui.screens.main import MainScreen
from megacontext.tui.widgets.approval import ApprovalPanel
from megacontext.tui.widgets.prompt import Prompt
from tests.patience import LOOK_S, PATIENCE_S

NARROW, WIDE = (80, 24), (130, 40)
ADD_FRENCH = call(
    "edit_text", path="greeter/words.py", old='"de": "Hallo"', new='"de": "Hallo", "fr": "Bonjour"'
)
ANSWER = """The greeting is put together in `greeter/greet.py:13`:

- **Greeter** takes a language
- `word_for` gives the first word

```python
def greet(self, name):
    return f"{word_for(self.language)}, {name}!"
```

See greeter/words.py:6 too.
"""

HOPS = 4
"""A key goes so far from queue to queue: to a widget, as a message to its parents, to the screen."""
CHARACTERS = {
    "space": " ",
    "ctrl+j": "\n",
    "slash": "/",
    "at": "@",
    "exclamation_mark": "!",
    "question_mark": "?",
    "full_stop": ".",
    "colon": ":",
    "underscore": "_",
    "minus": "-",
    "plus": "+",
    "comma": ",",
}
"""What keys with names write."""

Scene = Callable[["Stage"], Awaitable[None]]


def strike(pilot: Pilot[Any], key: str) -> None:
    """Press a key, and do not wait."""
    name = CHARACTERS.get(key, key)
    event = Key(key, name if len(name) == 1 else None)
    event.set_sender(pilot.app)
    pilot.app.post_message(event)


async def pressed(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys, and wait after each until all have heard what it set going.

    Not with the pilot's `press`, which waits for the processor to be idle: in vain while a model speaks, and not long
    enough where others have the processor.
    """
    for key in keys:
        strike(pilot, key)
        for _ in range(HOPS):
            await pilot._wait_for_screen()


class Stage:
    """One run of the app."""

    def __init__(
        self, app: MegaContextApp, pilot: Pilot[Any], patience_s: float = PATIENCE_S
    ) -> None:
        self.app = app
        self.pilot = pilot
        self.patience_s = patience_s

    @property
    def main(self) -> MainScreen:
        """The main screen, whatever stands before it."""
        return next(s for s in self.app.screen_stack if isinstance(s, MainScreen))

    @property
    def prompt(self) -> Prompt:
        return self.main.query_one(Prompt)

    @property
    def approval(self) -> ApprovalPanel:
        return self.main.query_one(ApprovalPanel)

    @property
    def items(self) -> list[Any]:
        return self.main.transcript.items

    @property
    def root(self) -> Path:
        return self.main.desk.workplace.places.root

    def lines(self) -> list[str]:
        """The lines of the screen."""
        return [strip.text.rstrip() for strip in self.app.screen._compositor.render_strips()]

    def read(self) -> str:
        """All that stands on the screen."""
        return "\n".join(self.lines())

    async def key(self, key: str) -> None:
        """Press one key."""
        await pressed(self.pilot, key)

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until nothing is being computed any more."""
        await pressed(self.pilot, *keys)
        await self.pilot.pause()

    async def rush(self, *keys: str) -> None:
        """Press keys at once, without waiting for what they set going."""
        for key in keys:
            strike(self.pilot, key)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Type, where a space and a line break have names of their own."""
        names = {character: name for name, character in CHARACTERS.items()}
        await self.press(*(names.get(letter, letter) for letter in text))

    async def until(self, holds: Callable[[], Any], what: str = "") -> None:
        """Wait until something holds."""
        end = time.monotonic() + self.patience_s
        while not holds():
            assert time.monotonic() < end, f"{what or holds} never came:\n{self.read()}"
            await self.pilot.pause(LOOK_S)
        await self.pilot.pause()

    async def shows(self, *words: str) -> None:
        """Wait until all of these stand on the screen."""
        await self.until(lambda: all(word in self.read() for word in words), f"{words}")

    async def send(self, text: str) -> None:
        """Type and send."""
        self.prompt.load(text)
        await self.press("enter")

    async def settled(self) -> None:
        """Wait until nothing goes on that Esc and Ctrl-C would stop."""

        def at_rest() -> bool:
            desk = self.main.desk
            running = map(desk._jobs.is_running, ("open", "turn", "index"))
            return self.main.reader.is_ready and not desk.is_working and not any(running)

        await self.until(at_rest, "rest")

    async def asked(self) -> None:
        """Wait for a question."""
        await self.until(lambda: self.approval.request is not None, "a question")


def play(
    root: Path,
    scene: Scene,
    model: BaseModel | Sequence[str] | None = (),
    *,
    size: tuple[int, int] = WIDE,
    wanted: Wanted | None = None,
    glyphs: Glyphs = UNICODE,
    patience_s: float = PATIENCE_S,
    **settings: Any,
) -> None:
    """Run the app over `root`, with replies of a scripted model or (None) with pocket, and play a scene on it."""
    named = {key.replace("__", "."): value for key, value in settings.items()}
    workplace = Workplace.at(
        root, {"model.name": "pocket", "model.device": "cpu", "memory.gists": "off"} | named
    )
    given = ScriptedModel(model) if isinstance(model, (list, tuple)) else model

    async def run() -> None:
        app = MegaContextApp(workplace, wanted, model=given, glyphs=glyphs)
        async with app.run_test(size=size) as pilot:
            stage = Stage(app, pilot, patience_s)
            await stage.until(lambda: any(isinstance(s, MainScreen) for s in app.screen_stack))
            await stage.until(lambda: stage.main.reader.is_ready, "the session")
            await stage.settled()
            await scene(stage)

    asyncio.run(run())
