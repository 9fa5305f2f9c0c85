"""One repository and one model: focus, completion and answers, as streams of typed events.

Front ends read events and know nothing else. The model is loaded when it is first needed, so that focus with the
text codec needs no torch. Knows no screen, no protocol and no arguments.
"""

import time
from collections.abc import Iterator
from functools import cached_property

from megacontext.configs.errors import FocusError
from megacontext.memory.focus import (
    Codec,
    FeatureScorer,
    Focused,
    FocusQuery,
    FocusSettings,
    Position,
    Rendering,
    Scorer,
    TreeView,
    focus,
)
from megacontext.memory.ingest import IngestReport
from megacontext.memory.ingest.report import OnProgress
from megacontext.memory.memory import Memory
from megacontext.models.base import BaseModel, Cancel, Piece, Prompt, Sampling

from .codecs import gist_codec, text_codec
from .cursor import Cursor, cursor_at
from .events import Cited, Event, FocusChange, Notice, Token, Usage
from .opening import Workplace
from .prompts import ask_prompt, fill_prompt

FOCUS_TRIES = 3
"""A file may change between focusing and reading it; then its memory is mended and focus made again."""
CHARS_PER_TOKEN = 4
NO_CHAT = (
    "{name} completes code but cannot chat, so these are the places that answer best; "
    "`megacontext doctor` tells how to get a chat model."
)


class Engine:
    """The one object behind every front end. One answer at a time."""

    def __init__(
        self, workplace: Workplace, memory: Memory, model: BaseModel | None = None
    ) -> None:
        """`model` takes the place of the one that the settings choose."""
        self.workplace = workplace
        self.settings = workplace.settings
        self.memory = memory
        self.name = workplace.places.root.name
        self._given = model
        self._previous: Focused | None = None
        self._codecs: dict[str, tuple[TreeView, Codec, Scorer]] = {}

    @cached_property
    def model(self) -> BaseModel:
        """The base model, loaded when first asked for; raises ModelError when it cannot be."""
        if self._given is not None:
            return self._given
        if self.settings.model.remote is not None:
            from megacontext.models.language.remote import RemoteModel

            return RemoteModel(self.settings.model.remote)
        from megacontext.models.language.loading import load_model

        assert self.workplace.choice is not None, "no remote model is set, so one was chosen"
        return load_model(self.workplace.choice)

    def refresh(self, on_progress: OnProgress | None = None) -> IngestReport | None:
        """Make facts and tokens equal to the files; None when another process does that."""
        return self.memory.ingest.reconcile(on_progress) if self.memory.ingest else None

    # Focus

    def focus(self, query: FocusQuery, codec: str | None = None) -> Focused:
        """The working context for a query; it starts from the one before, so that little changes."""
        tree, used, scorer = self._tools(codec or self.settings.focus.codec)
        wanted = self.settings.focus
        settings = FocusSettings(
            step=wanted.max_actions_per_round, cooldown=wanted.cooldown_rounds, rounds=wanted.rounds
        )
        previous = (
            self._previous.cut if self._previous and self._previous.cut.tree is tree else None
        )
        self._previous = focus(tree, query, used, scorer, previous, settings)
        return self._previous

    def focus_and_read(
        self, query: FocusQuery, codec: str | None = None
    ) -> tuple[Focused, Rendering]:
        """A working context and what the model reads of it, never of a file that has changed."""
        for _ in range(FOCUS_TRIES):
            focused = self.focus(query, codec)
            rendering = self._tools(codec or self.settings.focus.codec)[1].render(focused.in_order)
            if not rendering.stale or self.memory.ingest is None:
                break
            self.memory.ingest.apply(rendering.stale)
        return focused, rendering

    def _tools(self, codec: str) -> tuple[TreeView, Codec, Scorer]:
        if codec not in self._codecs:
            make = {"text": text_codec, "gist": gist_codec}[codec]
            tree, made = make(self.memory, self.workplace, lambda: self.model)
            self._codecs[codec] = tree, made, FeatureScorer(tree)
        return self._codecs[codec]

    def read(self, focused: Focused, limit: int | None = None) -> list[Cited]:
        """The chunks of a working context that are in it verbatim, best first, as they are on disk now."""
        tree = focused.cut.tree
        spans = []
        for entry in focused.entries:
            if entry.level > 1:
                continue
            text = self.memory.text_of(tree.chunk(entry.node))
            if text is not None:
                lines = entry.start_line, entry.end_line
                spans.append(Cited(entry.path, *lines, text, round(entry.score, 4), entry.reasons))
        return spans[:limit]

    # Answers

    def complete(
        self, at: Position, cancel: Cancel | None = None, codec: str | None = None
    ) -> Iterator[Event]:
        """Continue the file at a cursor, with focused memory of the rest of the repository.

        Yields FocusChange, Token …, Usage. Raises FocusError for a place that is not there.
        """
        started = time.perf_counter()
        wanted = self.settings.complete
        cursor = self._cursor(at)
        window = cursor.prefix[-400:] + cursor.suffix[:200]
        query = FocusQuery(at=at, window=window, budget=wanted.budget, exclude=(cursor.span,))
        focused, rendering = self.focus_and_read(query, codec)
        yield FocusChange.of(focused)
        sampling = Sampling(
            max_new_tokens=wanted.max_new_tokens,
            temperature=wanted.temperature,
            stop_token_ids=tuple(self.model.specials.known()),
        )
        yield from self._answer(
            fill_prompt(self.model, self.name, rendering, cursor), sampling, cancel, started
        )

    def _cursor(self, at: Position) -> Cursor:
        data = self.memory.read(at.path)
        if data is None:
            raise FocusError(
                f"{at.path} is no readable text file of {self.memory.places.root}, or is left out"
            )
        wanted = self.settings.complete
        rooms = wanted.prefix_tokens * CHARS_PER_TOKEN, wanted.suffix_tokens * CHARS_PER_TOKEN
        text = data.decode("utf-8", "replace")
        cursor = cursor_at(text, at, *rooms)
        # Characters were a guess; what the model counts is what has to fit.
        while self.model.counter.count(cursor.prefix) > wanted.prefix_tokens and rooms[0] > 1:
            rooms = rooms[0] // 2, rooms[1]
            cursor = cursor_at(text, at, *rooms)
        while self.model.counter.count(cursor.suffix) > wanted.suffix_tokens and rooms[1] > 1:
            rooms = rooms[0], rooms[1] // 2
            cursor = cursor_at(text, at, *rooms)
        return cursor

    def ask(
        self,
        question: str,
        budget: int | None = None,
        cancel: Cancel | None = None,
        codec: str | None = None,
    ) -> Iterator[Event]:
        """Answer a question from the focused memory.

        Yields FocusChange, then with a chat model Token … and Usage, otherwise a Notice and the Cited spans.
        """
        started = time.perf_counter()
        query = FocusQuery(text=question, budget=budget or self.settings.focus.budget)
        focused, rendering = self.focus_and_read(query, codec)
        yield FocusChange.of(focused)
        if not self.can_chat:
            yield Notice(NO_CHAT.format(name=self.model_name))
            yield from self.read(focused)
            return
        wanted = self.settings.ask
        sampling = Sampling(max_new_tokens=wanted.max_new_tokens, temperature=wanted.temperature)
        yield from self._answer(
            ask_prompt(self.name, rendering, question), sampling, cancel, started
        )

    @property
    def can_chat(self) -> bool:
        """Whether the model answers questions; tells it without loading a model whose preset says so."""
        preset = (
            self.workplace.choice.preset if self.workplace.choice and self._given is None else None
        )
        return preset.chat if preset is not None else self.model.supports_chat

    @property
    def model_name(self) -> str:
        """What to call the model, without loading it."""
        choice = self.workplace.choice
        return choice.name if choice and self._given is None else self.model.name

    def _answer(
        self, prompt: Prompt, sampling: Sampling, cancel: Cancel | None, started: float
    ) -> Iterator[Event]:
        for event in self.model.generate(prompt, sampling, cancel):
            if isinstance(event, Piece):
                yield Token(event.text)
                continue
            ms = round((time.perf_counter() - started) * 1000, 1)
            yield Usage(
                self.model.name,
                event.positions,
                event.reused,
                event.generated,
                event.stop_reason,
                ms,
            )
