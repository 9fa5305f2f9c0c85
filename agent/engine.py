"""One repository and one model: focus, completion and answers, as streams of typed events.

Front ends read events and know nothing else. The model is loaded when it is first needed, so that focus with the
text codec needs no torch. Knows no screen, no protocol and no arguments.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from megacontext.configs.errors import FocusError
from megacontext.configs.settings import Settings
from megacontext.memory.focus import (
    Codec,
    Focused,
    FocusQuery,
    FocusSettings,
    Position,
    Rendering,
    Span,
    WorkingEntry,
    focus,
)
from megacontext.memory.ingest import IngestReport
from megacontext.memory.ingest.reading import FileText, Gone, Refusal
from megacontext.memory.ingest.report import OnProgress
from megacontext.memory.memory import Memory
from megacontext.models.base import BaseModel, Cancel, Piece, Prompt, Sampling
from megacontext.models.base import Usage as ModelUsage

from .citations import citations
from .codecs import Lens, gist_lens, text_lens
from .completing.shape import Shape
from .completing.standing import Standing
from .completing.stopping import StoppableScorer, StoppedError
from .cursor import Cursor, check_place
from .events import Citation, Cited, Event, FocusChange, Notice, Token, Usage
from .fitting import Plan, memory_for_question, plan_completion
from .opening import Workplace
from .prompts import ask_prompt, completion_prompt

FOCUS_TRIES = 3
"""A file may change between focusing and reading it; then its memory is mended and focus made again."""
NO_CHAT = (
    "{name} completes code but cannot chat, so these are the places that answer best; "
    "`megacontext doctor` tells how to get a chat model."
)
NO_FILLING = "{name} does not fill in, so it goes on from the text before the cursor alone."
WINDOW_BEFORE, WINDOW_AFTER = 400, 200
"""Characters around the cursor that memory is searched by."""


class Engine:
    """The one object behind every front end. One answer at a time."""

    def __init__(
        self,
        workplace: Workplace,
        memory: Memory,
        model: BaseModel | None = None,
        load: Callable[[], BaseModel] | None = None,
    ) -> None:
        """`model` takes the place of the one that the settings choose; `load` gives that one where it is shared."""
        self.workplace = workplace
        self.settings = workplace.settings
        self.memory = memory
        self.name = workplace.places.root.name
        self._given = model
        self._load = load or workplace.load_model
        self._previous: Focused | None = None
        self._standing: Standing | None = None
        self._lenses: dict[str, Lens] = {}

    def beside(self, settings: Settings | None = None) -> "Engine":
        """Another engine over the same memory and model, whose focus is its own; perhaps with other settings."""
        engine = Engine(self.workplace, self.memory, self._given, lambda: self.model)
        engine.settings = settings or self.settings
        return engine

    @cached_property
    def model(self) -> BaseModel:
        """The base model, loaded when first asked for; raises ModelError when it cannot be."""
        return self._load() if self._given is None else self._given

    @property
    def can_chat(self) -> bool:
        """Whether the model answers questions; tells it without loading a model."""
        return self.workplace.can_chat if self._given is None else self._given.supports_chat

    @property
    def model_name(self) -> str:
        """What to call the model, without loading it."""
        choice = self.workplace.choice
        return choice.name if choice and self._given is None else self.model.name

    def refresh(self, on_progress: OnProgress | None = None) -> IngestReport | None:
        """Make facts and tokens equal to the files; None when another process does that."""
        return self.memory.ingest.reconcile(on_progress) if self.memory.ingest else None

    # Focus

    @property
    def focused(self) -> Focused | None:
        """The latest working context of the repository; None before the first."""
        return self._previous

    def forget_focus(self) -> None:
        """Let the next focus depend on its query alone, for questions that have nothing to do with each other."""
        self._previous = self._standing = None

    def focus(self, query: FocusQuery, codec: str | None = None) -> Focused:
        """The working context for a query; it starts from the one before, so that little changes."""
        with self.memory.reading():
            return self._focus(query, *self._tools(query, codec))

    def focus_and_read(
        self, query: FocusQuery, codec: str | None = None, cancel: Cancel | None = None
    ) -> tuple[Focused, Rendering]:
        """A working context and what the model reads of it, never of a file that has changed.

        A query with a place is read as `complete` does, one without as `ask` does: with line numbers. Raises
        StoppedError when `cancel` is set.
        """
        for _ in range(FOCUS_TRIES):
            lens, used = self._tools(query, codec)
            if cancel is not None:
                lens = replace(lens, scorer=StoppableScorer(lens.scorer, cancel))
            with self.memory.reading():
                focused = self._focus(query, lens, used)
                rendering = used.render(focused.in_order)
            if not rendering.stale:
                break
            query = self._mended(query, rendering.stale)
        return focused, rendering

    def render(self, entries: Sequence[WorkingEntry], codec: str | None = None) -> Rendering:
        """What the model reads of some entries of the latest working context, in reading order, with line numbers."""
        with self.memory.reading():
            return self._tools(FocusQuery(), codec)[1].render(entries)

    def _focus(self, query: FocusQuery, lens: Lens, codec: Codec) -> Focused:
        wanted = self.settings.focus
        settings = FocusSettings(
            step=wanted.max_actions_per_round, cooldown=wanted.cooldown_rounds, rounds=wanted.rounds
        )
        before = self._previous.cut if self._previous else None
        if before is not None and before.tree is not lens.tree:
            before = None
        self._previous = focus(lens.tree, query, codec, lens.scorer, before, settings)
        return self._previous

    def _mended(self, query: FocusQuery, stale: tuple[str, ...]) -> FocusQuery:
        if self.memory.ingest is not None:
            self.memory.ingest.apply(stale)
            return query
        # Another process will read these files again; until then their room goes to something else.
        return replace(query, exclude=(*query.exclude, *map(Span, stale)))

    def _tools(self, query: FocusQuery, codec: str | None) -> tuple[Lens, Codec]:
        name = codec or self.settings.focus.codec
        if name not in self._lenses:
            self._lenses[name] = self.lens(self.memory, name)
        lens = self._lenses[name]
        return lens, lens.numbered if query.at is None else lens.plain

    def lens(self, memory: Memory, codec: str | None = None) -> Lens:
        """What a memory is chosen and read with, this repository's or another source's; see `codecs` for errors."""
        if (codec or self.settings.focus.codec) == "gist":
            return gist_lens(memory, self.workplace, self.model)
        return text_lens(memory, self.workplace, self._given)

    def read(self, focused: Focused, limit: int | None = None) -> list[Cited]:
        """The chunks of a working context that are in it in detail, best first, as they are on disk now."""
        spans: dict[tuple[str, int], Cited] = {}
        with self.memory.reading():
            for entry in focused.entries:
                place = entry.path, entry.node.start
                if entry.level > 1 or place in spans:
                    continue
                text = self.memory.text_of(focused.cut.tree.chunk(entry.node))
                if text is not None:
                    lines = entry.start_line, entry.end_line
                    score = round(entry.score, 4)
                    spans[place] = Cited(entry.path, *lines, text, score, entry.reasons)
        return list(spans.values())[:limit]

    # Answers

    def complete(
        self,
        at: Position,
        cancel: Cancel | None = None,
        codec: str | None = None,
        text: str | None = None,
    ) -> Iterator[Event]:
        """Continue the file at a cursor, with focused memory of the rest of the repository.

        `text` is the file as it is being edited; None reads it. Yields FocusChange, perhaps a Notice, Token …, Usage.
        Raises FocusError for a place that is not there, ModelError for a model whose context is too small.
        """
        started = time.perf_counter()
        wanted = self.settings.complete
        text = self._text(at.path, text)
        check_place(text, at)  # before a model is loaded for nothing
        plan = plan_completion(self.model, wanted, self.name, text, at)
        try:
            focused, rendering = self._memory_at(plan, codec, cancel)
        except StoppedError:
            took = round((time.perf_counter() - started) * 1000, 1)
            yield Usage(self.model.name, 0, 0, 0, "cancelled", took, None)
            return
        yield FocusChange.of(focused)
        if not self.model.supports_fim:
            yield Notice(NO_FILLING.format(name=self.model.name))
        prompt = completion_prompt(self.model, self.name, rendering.segments, plan.cursor)
        shape = Shape(plan.cursor.prefix, plan.cursor.suffix)
        sampling = Sampling(
            max_new_tokens=wanted.max_new_tokens,
            temperature=wanted.temperature,
            stop_token_ids=tuple(sorted(self.model.specials.known())),
            stop=("\n",) if shape.one_line else (),
        )
        yield from self._generate(prompt, sampling, cancel, started, shape)

    def _memory_at(
        self, plan: Plan, codec: str | None, cancel: Cancel | None
    ) -> tuple[Focused, Rendering]:
        """The working context at a cursor: the one of the completion before, where that will do."""
        standing, at = self._standing, plan.cursor.at
        if (
            standing is not None
            and standing.serves(at, plan.budget, codec)
            and self._holds(standing)
        ):
            return standing.focused, standing.rendering
        focused, rendering = self.focus_and_read(_query(plan.cursor, plan.memory), codec, cancel)
        self._standing = Standing(at, codec, focused, rendering)
        return focused, rendering

    def _holds(self, standing: Standing) -> bool:
        """Whether what was focused would be read just so from the files as they are now."""
        lens, used = self._tools(FocusQuery(at=standing.at), standing.codec)
        with self.memory.reading():
            lens.tree.refresh()
            try:
                now = used.render(standing.focused.in_order)
            except FocusError:  # what was focused is no more
                return False
        return not now.stale and now.text == standing.rendering.text

    def _text(self, path: str, text: str | None) -> str:
        """The text of a file, or `text` if it may be in a file of this name."""
        buffer = None if text is None else text.encode("utf-8", "replace")
        match self.memory.look(path, buffer):
            case FileText(data=data):
                return data.decode("utf-8", "replace") if text is None else text
            case Refusal(reason=reason):
                raise FocusError(f"{path} cannot be completed, since it is left out: {reason}")
            case Gone():
                raise FocusError(f"there is no file {path} in {self.memory.places.root}")

    def ask(
        self,
        question: str,
        budget: int | None = None,
        cancel: Cancel | None = None,
        codec: str | None = None,
    ) -> Iterator[Event]:
        """Answer a question from the focused memory.

        Yields FocusChange, then with a chat model Token …, Citation … and Usage, otherwise a Notice and the Cited
        spans. Raises ModelError for a model whose context is too small.
        """
        started = time.perf_counter()
        wanted, room = self.settings.ask, budget or self.settings.focus.budget
        chats = self.can_chat
        if chats:
            room = memory_for_question(self.model, wanted.max_new_tokens, room, self.name, question)
        focused, rendering = self.focus_and_read(FocusQuery(text=question, budget=room), codec)
        yield FocusChange.of(focused)
        if not chats:
            yield Notice(NO_CHAT.format(name=self.model_name))
            yield from self.read(focused)
            return
        prompt = ask_prompt(self.name, rendering.segments, question)
        sampling = Sampling(max_new_tokens=wanted.max_new_tokens, temperature=wanted.temperature)
        answer = ""
        for event in self._generate(prompt, sampling, cancel, started):
            if isinstance(event, Token):
                answer += event.text
            elif isinstance(event, Usage):
                yield from self._citations(answer, focused)
            yield event

    def _citations(self, answer: str, focused: Focused) -> Iterator[Event]:
        read = [
            Span(entry.path, entry.start_line, entry.end_line)
            for entry in focused.entries
            if entry.start_line
        ]
        yield from self.cited(answer, read)

    def cited(self, answer: str, read: Sequence[Span]) -> list[Citation]:
        """The places that an answer names, checked; `read` is what the model has read."""

        def lines_of(path: str) -> int | None:
            record = self.memory.catalogue.file(path)
            return record.lines if record else None

        with self.memory.reading():
            return citations(answer, read, lines_of)

    def _generate(
        self,
        prompt: Prompt,
        sampling: Sampling,
        cancel: Cancel | None,
        started: float,
        shape: Shape | None = None,
    ) -> Iterator[Event]:
        """Stream an answer; what `shape` does not keep of it is left out, and ends it."""
        until = cancel if shape is None else _Until(cancel, shape)
        logprobs: list[float] = []
        for event in self.model.generate(prompt, sampling, until):
            if isinstance(event, Piece):
                logprobs += event.logprobs
                if text := shape.push(event.text) if shape else event.text:
                    yield Token(text)
            elif isinstance(event, ModelUsage):
                ended = shape is not None and shape.over
                if rest := shape.finish() if shape else "":
                    yield Token(rest)
                yield Usage(
                    model=self.model.name,
                    positions=event.positions,
                    reused=event.reused,
                    generated=event.generated,
                    stop_reason="stop" if ended else event.stop_reason,
                    ms=round((time.perf_counter() - started) * 1000, 1),
                    mean_logprob=round(sum(logprobs) / len(logprobs), 4) if logprobs else None,
                )


def _query(cursor: Cursor, budget: int) -> FocusQuery:
    window = cursor.prefix[-WINDOW_BEFORE:] + cursor.suffix[:WINDOW_AFTER]
    return FocusQuery(at=cursor.at, window=window, budget=budget, exclude=(cursor.span,))


class _Until:
    """Set when an answer is no longer wanted, or nothing more of it would stay."""

    def __init__(self, cancel: Cancel | None, shape: Shape) -> None:
        self._cancel = cancel
        self._shape = shape

    def is_set(self) -> bool:
        return self._shape.over or (self._cancel is not None and self._cancel.is_set())
