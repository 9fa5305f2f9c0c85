"""The newest question wins: with an engine that says what the test wants, when it wants it."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

from lsprotocol import types

from megacontext.agent.events import Event, Token, Usage
from megacontext.configs.errors import FocusError, ModelError
from megacontext.lsp.documents import Document
from megacontext.lsp.positions import ENCODINGS
from megacontext.lsp.suggesting import Suggester
from tests.patience import LOOK_S

URI = "file:///a.py"


class Wanted:
    """The settings that are asked for."""

    def __init__(self, confidence: float) -> None:
        self.complete = self
        self.confidence = confidence


class Talker:
    """Stands for an engine: what it says comes from the test, piece by piece."""

    def __init__(self, confidence: float = 0.5, error: Exception | None = None) -> None:
        self.settings = Wanted(confidence)
        self.asked: list[str] = []
        self.stopped: list[str] = []
        self.logprob = -0.1
        self.running = self.most_running = 0
        self._error = error
        self._pieces: list[str | None] = []
        self._more = threading.Condition()

    def say(self, *pieces: str | None) -> None:
        """Go on so; None ends."""
        with self._more:
            self._pieces += pieces
            self._more.notify()

    def complete(self, at: Any, cancel: Any, *, text: str) -> Iterator[Event]:
        if self._error:
            raise self._error
        self.asked.append(text)
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        reason = "stop"
        while (piece := self._next(cancel)) is not None:
            if piece == "cancelled":
                reason = piece
                self.stopped.append(text)
                break
            yield Token(piece)
        self.running -= 1
        yield Usage("talker", 0, 0, 0, reason, 1.0, self.logprob)

    def _next(self, cancel: Any) -> str | None:
        with self._more:
            # What is said is for a question that somebody still asks.
            while not cancel.is_set():
                if self._pieces:
                    return self._pieces.pop(0)
                self._more.wait(LOOK_S)
            return "cancelled"


class Alone:
    """Stands for a folder: asks in a thread, one at a time."""

    def __init__(self, engine: Talker) -> None:
        self._engine = engine
        self._turn = threading.Lock()

    async def ask(self, work: Any, cancel: Any) -> Any:
        def run() -> Any:
            with self._turn:
                return work(self._engine)

        return await asyncio.to_thread(run)


class Desk:
    """A document, and whoever types into it."""

    def __init__(self, talker: Talker, text: str = "x = \n") -> None:
        self.talker = talker
        self.told: list[dict[str, float]] = []
        self.warned: list[str] = []
        self.suggester = Suggester(lambda _, details: self.told.append(details), self.warned.append)
        self.document = Document(types.TextDocumentItem(URI, "python", 1, text), ENCODINGS[1])
        self._folder: Any = Alone(talker)

    def ask(self, offset: int) -> "asyncio.Task[str]":
        work = self.suggester.suggest(self.document, self._folder, "a.py", offset)
        return asyncio.create_task(work)

    def type(self, offset: int, text: str) -> None:
        where = self.document.position(offset)
        change = types.TextDocumentContentChangePartial(types.Range(where, where), text)
        self.document.change([change], self.document.version + 1)
        self.suggester.changed(self.document)

    async def writing(self) -> None:
        """Wait until the engine is at it."""
        while not self.talker.running:
            await asyncio.sleep(0)

    async def rest(self) -> None:
        """Wait until the engine has ended."""
        while self.talker.running or self.suggester._tasks:
            await asyncio.sleep(0)


async def test_a_question_is_answered():
    desk = Desk(Talker())
    desk.talker.say("com", "pute()", None)
    assert await desk.ask(4) == "compute()"
    assert desk.talker.asked == ["x = \n"]
    [told] = desk.told
    assert told["ms"] == 1.0
    assert 0 < told["began"] < told["ended"]
    assert told["stop_ms"] == 0


async def test_a_newer_question_ends_the_one_before_though_nobody_cancels():
    desk = Desk(Talker(), "x = \ny = \n")
    first = desk.ask(4)
    await desk.writing()
    second = desk.ask(9)
    assert await first == ""
    while not desk.talker.stopped:
        await asyncio.sleep(0)
    desk.talker.say("two", None)
    assert await second == "two"
    assert desk.talker.most_running == 1


async def test_typing_along_a_suggestion_asks_for_no_new_one():
    desk = Desk(Talker())
    desk.talker.say("compute()", None)
    assert await desk.ask(4) == "compute()"
    desk.type(4, "com")
    assert await desk.ask(7) == "pute()"
    desk.type(7, "pute")
    assert await desk.ask(11) == "()"
    assert len(desk.talker.asked) == 1


async def test_whoever_types_something_else_gets_a_new_suggestion():
    desk = Desk(Talker())
    desk.talker.say("compute()", None)
    assert await desk.ask(4) == "compute()"
    desk.type(4, "not ")
    desk.talker.say("this", None)
    assert await desk.ask(8) == "this"
    assert desk.talker.asked == ["x = \n", "x = not \n"]


async def test_a_suggestion_that_was_typed_to_its_end_makes_room_for_the_next():
    desk = Desk(Talker())
    desk.talker.say("one", None)
    await desk.ask(4)
    desk.type(4, "one")
    desk.talker.say(" + two", None)
    assert await desk.ask(7) == " + two"


async def test_typing_along_what_is_being_written_does_not_stop_it():
    desk = Desk(Talker())
    first = desk.ask(4)
    await desk.writing()
    desk.talker.say("comp")
    while not (writing := desk.suggester._slots[URI].writing) or writing.so_far != "comp":
        await asyncio.sleep(0)
    desk.type(4, "co")
    second = desk.ask(6)
    assert await first == ""
    desk.talker.say("ute()", None)
    assert await second == "mpute()"
    assert len(desk.talker.asked) == 1


async def test_typing_something_else_stops_it_at_once():
    desk = Desk(Talker())
    first = desk.ask(4)
    await desk.writing()
    desk.type(4, "z")
    assert await first == ""
    await desk.rest()
    assert desk.talker.stopped == ["x = \n"]


async def test_no_answer_is_shown_for_a_text_that_is_another_one_now():
    desk = Desk(Talker())
    first = desk.ask(4)
    await desk.writing()
    desk.talker.say("a")
    while desk.suggester._slots[URI].writing.so_far != "a":
        await asyncio.sleep(0)
    desk.type(4, "a")
    desk.talker.say("b", None)
    assert await first == ""
    assert await desk.ask(5) == "b"
    assert len(desk.talker.asked) == 1


async def test_a_cancelled_question_stops_what_is_written_for_it():
    desk = Desk(Talker())
    first = desk.ask(4)
    await desk.writing()
    first.cancel()
    await desk.rest()
    assert first.cancelled()
    assert desk.talker.stopped == ["x = \n"]


async def test_a_document_closed_in_the_middle_is_answered_with_nothing():
    desk = Desk(Talker())
    first = desk.ask(4)
    await desk.writing()
    desk.suggester.forget(desk.document)
    assert await first == ""
    await desk.rest()
    assert desk.talker.stopped == ["x = \n"]


async def test_what_the_model_is_unsure_of_is_not_shown():
    desk = Desk(Talker(confidence=0.95))
    desk.talker.say("compute()", None)
    assert await desk.ask(4) == ""
    # Nor is it asked for again at the same place.
    assert await desk.ask(4) == ""
    assert len(desk.talker.asked) == 1


async def test_nothing_is_told_of_places_that_are_no_longer_there_and_other_trouble_once():
    quiet = Desk(Talker(error=FocusError("there is no line 9")))
    assert await quiet.ask(4) == ""
    assert quiet.warned == []
    loud = Desk(Talker(error=ModelError("no memory")))
    assert await loud.ask(4) == ""
    loud.type(4, "a")
    assert await loud.ask(5) == ""
    assert loud.warned == ["no memory"]


async def test_a_burst_of_keys_leaves_one_at_work_and_answers_every_question():
    desk = Desk(Talker())
    questions = []
    for number in range(50):
        desk.type(4 + number, "k")
        questions.append(desk.ask(5 + number))
        await asyncio.sleep(0)
    desk.talker.say("end", None)
    answers = await asyncio.gather(*questions)
    assert answers == [""] * 49 + ["end"]
    assert desk.talker.most_running == 1
