"""MegaContext as its servers keep it: a host with its own watcher, and a focus with the text codec."""

import threading
import time
from collections import defaultdict
from pathlib import Path

from megacontext.agent.hosted import Hosted
from megacontext.agent.opening import Workplace
from megacontext.memory.focus import FocusQuery
from megacontext.memory.focus.text_codec import GAP, SEPARATOR

from .answering import Answer

LOOK_S = 0.05


class Ours:
    """See `answering.Rival`."""

    def __init__(self, root: Path, budget: int, *, gists: bool) -> None:
        """`gists`: they are made in the background, as the settings that ship ask for."""
        overrides = {"model.name": "pocket", "memory.gists": "auto" if gists else "off"}
        self._hosted = Hosted(Workplace.at(root, overrides))
        self._budget = budget
        self._gists = gists

    def settle(self) -> None:
        """Wait until everything has its gist."""
        memory = self._hosted.engine().memory
        while self._gists and not memory.has_all_gists():
            time.sleep(LOOK_S)

    def answer(self, question: str) -> Answer:
        """A focus that depends on its question alone, as other agents get it."""
        self._hosted.wait_for_index(threading.Event())
        engine = self._hosted.engine()
        engine.forget_focus()
        query = FocusQuery(text=question, budget=self._budget)
        _, rendering = engine.focus_and_read(query, "text")
        lines = defaultdict(list)
        for item in rendering.shown:
            lines[item.entry.path] += [
                line for line in item.text.splitlines() if line.strip() != GAP
            ]
        # What the model reads as one special token stands as in the other tools' answers.
        return Answer(rendering.text.replace(SEPARATOR, "### "), dict(lines))
