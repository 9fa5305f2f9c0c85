"""A second turn in the same context: how many positions of the prompt come from the model's cache."""

import json
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from megacontext.agent.engine import Engine
from megacontext.agent.events import Usage
from megacontext.agent.opening import Workplace
from megacontext.memory.focus import Position
from megacontext.models.base import Chat, Fill, Prompt, Special, Text, Tokens, common_prefix
from megacontext.models.language.loading import load_folder
from megacontext.models.language.tokenizing import TextTokenizer

from .bars import Bar, p50, spread
from .corpora import SEED, repository

TOKENS = 200_000
CURSORS = 12
TYPED = "value"
TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant: "
QUESTIONS = (
    ("How are the arguments of a command line parsed?", "And how is its help text formatted?"),
    ("How does a thread wait for another one?", "How does a thread wait for a lock?"),
    ("Where is JSON decoded?", "Where is JSON decoded, and what does it raise?"),
    ("How is a temporary folder removed?", "Who removes a temporary folder on exit?"),
)


@dataclass(frozen=True)
class Turn:
    """One prompt, and what the model did not have to compute of it."""

    keys: list[int]
    reused: int
    generated: list[int]

    def common(self, before: "Turn") -> int:
        return common_prefix([*before.keys, *before.generated], self.keys)


class Heard:
    """A model that remembers the prompts it was given."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.prompts: list[Prompt] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate(self, prompt: Prompt, *rest: Any) -> Iterator[Any]:
        self.prompts.append(prompt)
        return self._model.generate(prompt, *rest)


def measure(quick: bool) -> list[Bar]:
    with TemporaryDirectory(prefix="megacontext-") as folder:
        base = Workplace.at().folder
        root = repository(Path(folder) / "repository", TOKENS, TextTokenizer.load(base))
        overrides = {"complete": {"max_new_tokens": 8}, "ask": {"max_new_tokens": 8}}
        workplace = Workplace.at(root, overrides)
        with workplace.open_memory(write=True) as memory:
            memory.writer.reconcile()
            heard = Heard(load_folder(_with_chat(base, Path(folder) / "chat")))
            engine = Engine(workplace, memory, heard)
            typing = _typing(engine, heard, 3 if quick else CURSORS)
            between = _typing(engine, heard, 3 if quick else CURSORS, QUESTIONS[0][0])
            asking = _asking(engine, heard)
    return [
        *_bars("completion after one more typed character", typing),
        *_bars("the same, with a question to the chat model in between", between),
        *_bars("a second question", asking),
    ]


def _bars(name: str, turns: list[tuple[Turn, Turn]]) -> list[Bar]:
    shares = [after.reused / len(after.keys) for _, after in turns]
    # The last position is always computed: its scores are what the answer begins with.
    needless = [
        min(after.common(before), len(after.keys) - 1) - after.reused for before, after in turns
    ]
    reused, total = sum(it.reused for _, it in turns), sum(len(it.keys) for _, it in turns)
    return [
        Bar(f"{name}: positions computed although they were the same", max(needless), at_most=0),
        Bar(
            f"{name}: share of positions reused",
            reused / total,
            note=f"{reused:,} of {total:,}; median {p50(shares):.2f}, {spread(shares)} turns",
        ),
    ]


def _with_chat(base: Path, into: Path) -> Path:
    """The same weights with a chat template: what it says does not matter here, positions do."""
    shutil.copytree(base, into)
    path = into / "tokenizer_config.json"
    settings = json.loads(path.read_text("utf-8")) if path.exists() else {}
    path.write_text(json.dumps(settings | {"chat_template": TEMPLATE}))
    return into


def _typing(
    engine: Engine, heard: Heard, cursors: int, question: str = ""
) -> list[tuple[Turn, Turn]]:
    """At some cursors a word is typed letter by letter, with a completion after each, and perhaps a question."""
    rng = random.Random(SEED)
    root = engine.workplace.places.root
    files = [file for file in engine.memory.catalogue.files() if file.lines > 60]
    turns = []
    for file in rng.sample(files, cursors):
        path = root / file.path
        lines = path.read_text("utf-8", errors="replace").splitlines(keepends=True)
        at = rng.randrange(30, len(lines) - 10)
        lines.insert(at, "    \n")
        made = []
        for length in range(1, len(TYPED) + 1):
            lines[at] = f"    {TYPED[:length]}\n"
            path.write_text("".join(lines), "utf-8")
            engine.memory.writer.apply([file.path])
            place = Position(file.path, at + 1, 5 + length)
            made.append(_turn(heard, engine.complete(place)))
            if question:
                _turn(heard, engine.beside().ask(question))
        turns += pairwise(made)
    return turns


def _asking(engine: Engine, heard: Heard) -> list[tuple[Turn, Turn]]:
    turns = []
    for first, second in QUESTIONS:
        made = [_turn(heard, engine.ask(question)) for question in (first, first, second)]
        turns += pairwise(made)
    return turns


def _turn(heard: Heard, events: Iterator[Any]) -> Turn:
    usage = [event for event in events if isinstance(event, Usage)][-1]
    keys = _keys(heard, heard.prompts[-1])
    assert len(keys) == usage.positions
    return Turn(keys, usage.reused, [])


def _keys(heard: Heard, prompt: Prompt) -> list[int]:
    """The token ids of a prompt."""
    keys: list[int] = []
    for segment in _segments(heard, prompt):
        match segment:
            case Text(text):
                keys += heard.encode(text)
            case Tokens(ids):
                keys += ids
            case Special(name):
                keys.append(getattr(heard.specials, name))
    return keys


def _segments(heard: Heard, prompt: Prompt) -> list[Any]:
    match prompt:
        case Fill():
            return prompt.segments()
        case Chat():
            return list(heard._template.lay_out(prompt, heard.tokenizer))
    raise AssertionError(prompt)
