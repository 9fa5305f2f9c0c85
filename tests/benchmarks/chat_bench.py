"""A conversation with tools: how much of each prompt the model has computed before, by where memory stands in it.

The layouts differ in `chat.page` alone; 1 keeps the memory of the newest message only. For comparison the same memory
at the very front, where every refocus makes the model read the whole conversation again.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.agent.chat.calls import Nobody
from megacontext.agent.chat.opening import open_agent
from megacontext.agent.engine import Engine
from megacontext.agent.events import Usage
from megacontext.agent.opening import Workplace
from megacontext.memory.focus import FocusQuery
from megacontext.models.base import Chat, Message, Text, Tokens, common_prefix
from megacontext.models.language.scripted import ScriptedModel, call
from megacontext.models.language.tokenizing import TextTokenizer

from .bars import Bar, spread
from .corpora import repository

TOKENS = 200_000
PAGES = (1, 3, 6)
BUDGET = 8_000
"""Bytes, which are the scripted model's tokens: about 2,000 of a real one's."""
QUESTIONS = (
    "How are the arguments of a command line parsed, and where are they stored?",
    "And how is its help text formatted?",
    "How does a thread wait for another one to end?",
    "How does a thread wait for a lock with a timeout?",
    "Where is JSON decoded into Python objects?",
    "What does decoding JSON raise, and with which position?",
    "How is a temporary folder removed at exit?",
    "How are files of a folder listed recursively?",
    "How is a date parsed from a text?",
    "How does a date become a text again?",
    "How is an HTTP response read in chunks?",
    "And how are its headers parsed?",
)


@dataclass
class Reading:
    """What a conversation made the model read."""

    positions: int = 0
    reused: int = 0
    first: int = 0
    """Positions read anew before the first answer of a turn, over all turns but the first."""
    shares: tuple[float, ...] = ()


def measure(quick: bool) -> list[Bar]:
    with TemporaryDirectory(prefix="megacontext-") as folder:
        base = Workplace.at().folder
        root = repository(Path(folder) / "repository", TOKENS, TextTokenizer.load(base))
        questions = QUESTIONS[:4] if quick else QUESTIONS
        readings = {page: _converse(root, page, questions) for page in PAGES}
        front = _in_front(root, questions)
    bars = [
        Bar(
            f"a follow-up, chat.page {page}: read from the cache",
            100 * reading.reused / reading.positions,
            "%",
            note=f"{spread(reading.shares, '%')} follow-ups; {reading.first:,} positions read anew for them",
        )
        for page, reading in readings.items()
    ]
    return [
        *bars,
        Bar("a follow-up, memory at the front: read from the cache", front, "%"),
    ]


def _converse(root: Path, page: float, questions: tuple[str, ...]) -> Reading:
    settings = {"focus": {"budget": BUDGET}, "chat": {"page": page, "log": False}}
    workplace = Workplace.at(root, settings)
    replies = [reply for question in questions for reply in _replies(question)]
    with workplace.open_memory(write=True) as memory:
        engine = Engine(workplace, memory, ScriptedModel(replies))
        engine.refresh()
        agent = open_agent(engine, Nobody())
        reading, shares = Reading(), []
        for number, question in enumerate(questions):
            first, *others = [event for event in agent.send(question) if isinstance(event, Usage)]
            for usage in (first, *others):
                reading.positions += usage.positions
                reading.reused += usage.reused
            if number:
                reading.first += first.positions - first.reused
                shares.append(100 * first.reused / first.positions)
        agent.close()
    reading.shares = tuple(shares)
    return reading


def _replies(question: str) -> Iterator[str]:
    yield f"I look.\n{call('search', query=question)}"
    yield "It is as the code says. " * 20


def _in_front(root: Path, questions: tuple[str, ...]) -> float:
    """Share that a model finds in its cache where memory stands between the tools and the conversation."""
    workplace = Workplace.at(root, {"focus": {"budget": BUDGET}})
    with workplace.open_memory(write=True) as memory:
        model = ScriptedModel([])
        engine = Engine(workplace, memory, model)
        held: list[int] = []
        said: list[Message] = []
        positions = reused = 0
        for question in questions:
            _, rendering = engine.focus_and_read(FocusQuery(question, budget=BUDGET))
            parts = [*rendering.segments, Text("\n\n")]
            said.append(Message("user", question))
            keys = _keys(
                model,
                Chat((Message("system", "You are an agent. " * 90), Message("user", parts), *said)),
            )
            positions += len(keys)
            reused += common_prefix(held, keys)
            answer = "It is as the code says. " * 20
            said.append(Message("assistant", answer))
            held = [*keys, *model.encode(answer)]
    return 100 * reused / positions


def _keys(model: ScriptedModel, chat: Chat) -> list[int]:
    ids: list[int] = []
    for message in chat.messages:
        ids += model.encode(f"{message.role}: ")
        for part in (
            [Text(message.content)] if isinstance(message.content, str) else message.content
        ):
            ids += (
                part.ids if isinstance(part, Tokens) else model.encode(getattr(part, "text", "|"))
            )
        ids += model.encode("\n")
    return [*ids, *model.encode("assistant: ")]
