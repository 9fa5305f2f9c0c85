"""What could stand at the cursor of each open document: the newest question wins. Knows no request.

A question that is asked again while somebody types along needs no new answer; any other one ends the answer before it,
also for clients that never cancel.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from megacontext.agent.completing.suggestion import Suggestion, suggest
from megacontext.agent.engine import Engine
from megacontext.configs.errors import FocusError, MegaContextError
from megacontext.memory.focus import Position

from .documents import Document
from .folders import Cancelled, Folder

NOTHING = Suggestion("", 0.0)


@dataclass(frozen=True)
class Place:
    """A cursor and all the text around it."""

    prefix: str
    suffix: str

    def typed_since(self, before: "Place") -> str | None:
        """What was typed between an earlier place and this one; None where it was anything else."""
        if self.suffix != before.suffix or not self.prefix.startswith(before.prefix):
            return None
        return self.prefix[len(before.prefix) :]


class Writing:
    """A suggestion on its way."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.so_far = ""
        self.cancel = Cancelled()
        self.stopped = self.began = self.ended = 0.0
        """When it was stopped, and from when to when the engine was at it, by `time.perf_counter`; 0 for never."""

    def fits(self, place: Place) -> bool:
        """Whether somebody has typed along with it."""
        typed = place.typed_since(self.place)
        return typed is not None and self.so_far.startswith(typed)

    def hear(self, text: str) -> None:
        """Take note of all that is written so far, from any thread."""
        self.so_far = text


@dataclass
class Slot:
    """One document."""

    writing: Writing | None = None
    written: tuple[Place, str] | None = None
    """The latest suggestion and where it belongs."""
    asked: Place | None = None
    answer: "asyncio.Future[str] | None" = None
    """To the newest question, which was asked at `asked`."""

    def known(self, place: Place) -> str | None:
        """The rest of the latest suggestion where somebody has typed along with it; None where none is known."""
        if self.written is None:
            return None
        before, text = self.written
        typed = place.typed_since(before)
        if typed is None or not text.startswith(typed) or (typed and typed == text):
            return None
        return text[len(typed) :]

    def reply(self, text: str) -> None:
        """Answer the newest question, if it is not answered."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(text)

    def stop(self) -> None:
        """End what is being written: nobody waits for it any more."""
        if self.writing is not None:
            self.writing.stopped = time.perf_counter()
            self.writing.cancel.set()
            self.writing = None


class Suggester:
    """Answers questions for suggestions. Lives in the event loop."""

    def __init__(
        self, trace: Callable[[str, dict[str, float]], None], warn: Callable[[str], None]
    ) -> None:
        """`trace` is told how long each took (in words and in figures), `warn` what is wrong, once."""
        self._trace = trace
        self._warn = warn
        self._told = ""
        self._slots: dict[str, Slot] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def changed(self, document: Document) -> None:
        """Somebody types: what is being written ends unless it is what they type."""
        slot = self._slots.get(document.uri)
        if slot is None or slot.writing is None:
            return
        place = slot.writing.place
        cursor = len(document.text) - len(place.suffix)
        now = Place(document.text[: max(0, cursor)], document.text[max(0, cursor) :])
        if not slot.writing.fits(now):
            slot.stop()
            slot.reply("")

    def forget(self, document: Document) -> None:
        """A document is closed: its question is answered with nothing."""
        if slot := self._slots.pop(document.uri, None):
            slot.stop()
            slot.reply("")

    async def suggest(self, document: Document, folder: Folder, path: str, offset: int) -> str:
        """What could stand behind so many characters; "" for nothing, or when it no longer matters."""
        text, version = document.text, document.version
        place = Place(text[:offset], text[offset:])
        slot = self._slots.setdefault(document.uri, Slot())
        slot.reply("")
        known = slot.known(place)
        if known is not None:
            return known
        if slot.writing is None or not slot.writing.fits(place):
            slot.stop()
            self._begin(slot, document.place_at(path, offset), place, folder)
        answer = slot.answer = asyncio.get_running_loop().create_future()
        slot.asked = place
        try:
            found = await answer
        except asyncio.CancelledError:
            if slot.answer is answer:
                slot.stop()
            raise
        return found if document.version == version else ""

    def _begin(self, slot: Slot, at: Position, place: Place, folder: Folder) -> None:
        writing = slot.writing = Writing(place)
        slot.written = None
        text = place.prefix + place.suffix

        def work(engine: Engine) -> Suggestion | None:
            if writing.cancel.is_set():
                return None
            writing.began = time.perf_counter()
            try:
                return suggest(engine, at, text, writing.cancel, writing.hear)
            finally:
                writing.ended = time.perf_counter()

        task = asyncio.get_running_loop().create_task(self._write(slot, folder, writing, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(
        self,
        slot: Slot,
        folder: Folder,
        writing: Writing,
        work: Callable[[Engine], Suggestion | None],
    ) -> None:
        try:
            found = await folder.ask(work, writing.cancel) or NOTHING
        except MegaContextError as exc:
            found = NOTHING
            self._tell_once(exc)
        self._tell(writing, found)
        if slot.writing is not writing:
            return
        slot.writing = None
        slot.written = writing.place, found.text
        slot.reply((slot.asked and slot.known(slot.asked)) or "")

    def _tell(self, writing: Writing, found: Suggestion) -> None:
        if not writing.began:
            return
        details = {
            "began": writing.began,
            "ended": writing.ended,
            "ms": found.ms,
            "stop_ms": (writing.ended - writing.stopped) * 1000 if writing.stopped else 0.0,
        }
        took = (writing.ended - writing.began) * 1000
        how = "stopped" if writing.stopped else f"{len(found.text)} characters"
        self._trace(f"suggestion: {how} after {took:.1f} ms", details)

    def _tell_once(self, error: MegaContextError) -> None:
        # A file that is left out, or a place that is no more: there is nothing to suggest, and nothing to tell.
        if not isinstance(error, FocusError) and str(error) != self._told:
            self._told = str(error)
            self._warn(self._told)
