"""`python -m tests.benchmarks.tui_app ROOT MESSAGES`: the terminal app with a long transcript.

Its model speaks at the pace of a fast local one, and never ends by itself. Knows nothing of what is measured.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from megacontext.agent.opening import Workplace
from megacontext.models.base import Cancel, GenerationEvent, Piece, Prompt, Sampling, Usage
from megacontext.models.language.scripted import ScriptedModel
from megacontext.tui.app import MegaContextApp
from megacontext.tui.screens.main import MainScreen
from megacontext.tui.widgets.transcript.items import Answer, Item, Said
from megacontext.tui.widgets.transcript.work import ToolCall

TOKEN_S = 1 / 80
TEXT = """The adapter is made in `create_url_adapter`, and the **port** is dropped there:

- the host is split at the colon
- what is behind it is not kept

```python
def split(host: str) -> tuple[str, int | None]:
    name, _, port = host.partition(":")
    return name, int(port) if port else None
```

"""


class Talker(ScriptedModel):
    """Streams the same text over and over, a few letters at a time."""

    def __init__(self) -> None:
        super().__init__([], name="talker", context_length=1 << 24)

    def generate(
        self, prompt: Prompt, sampling: Sampling | None = None, cancel: Cancel | None = None
    ) -> Iterator[GenerationEvent]:
        count = 0
        while cancel is None or not cancel.is_set():
            yield Piece((TEXT * 2)[4 * count % len(TEXT) :][:4])
            count += 1
            time.sleep(TOKEN_S)
        yield Usage(self.count(prompt), 0, count, "cancelled")


def messages(count: int) -> list[Item]:
    """A conversation of so many messages."""
    items: list[Item] = []
    for number in range(count // 4):
        tool = ToolCall(f"call{number}", "read", f"src/module{number}.py", state="ok")
        tool.summary, tool.output = "80 lines", "line\n" * 80
        items += [Said(f"question {number}?"), Answer(TEXT), tool, Answer(TEXT * 3)]
    return items


class LongApp(MegaContextApp):
    """Begins with a long transcript."""

    def on_ready(self) -> None:
        self._begin = self.set_interval(0.05, self._fill)

    def _fill(self) -> None:
        screen = self.screen
        if isinstance(screen, MainScreen) and screen.reader.is_ready:
            self._begin.stop()
            screen.transcript.add(*messages(int(sys.argv[2])))


if __name__ == "__main__":
    settings = {
        "model.name": "pocket",
        "memory.gists": "off",
        "memory.debounce_ms": 10_000,  # what changes is indexed when it is asked for
        "chat.max_new_tokens": 1_000_000,
        "chat.max_seconds": 3600,
    }
    sys.exit(LongApp(Workplace.at(Path(sys.argv[1]), settings), model=Talker()).on_terminal())
