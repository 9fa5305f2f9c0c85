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
    Shown,
    Span,
    WorkingEntry,
    focus,
)
from megacontext.memory.ingest import IngestReport
from megacontext.memory.ingest.reading import FileText, Gone, Refusal
from megacontext.memory.ingest.report import OnProgress
from megacontext.memory.memory import Memory
from megacontext.models.base import BaseModel, Cancel, Sampling

from .citations import citations
from .codecs import Lens, gist_lens, text_lens
from .completing.shape import Shape
from .completing.standing import Standing
from .completing.stopping import StoppableScorer, StoppedError
from .cursor import Cursor, check_place
from .events import Citation, Cited, Event, Notice, Token, Usage
from .fitting import Plan, memory_for_question, plan_completion
from .opening import Workplace
from .packs.packs import Packs
from .packs.policy import Context
from .packs.reach import Place
from .prompts import ask_prompt, completion_prompt
from .sources import REPOSITORY, Beside, Composed, Part, RepositorySource, framed, shares
from .streaming import stream

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
        self._packs = Packs(memory, self.settings, self.lens)

    def beside(self, settings: Settings | None = None) -> "Engine":
        """Another engine over the same memory and model, whose focus is its own; perhaps with other settings."""
        engine = Engine(self.workplace, self.memory, self._given, lambda: self.model)
        engine.settings = settings or self.settings
        engine._packs = Packs(self.memory, engine.settings, engine.lens)
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
        self._packs.forget()

    def focus(self, query: FocusQuery, codec: str | None = None) -> Focused:
        """The repository's working context for a query; it starts from the one before, so that little changes."""
        with self.memory.reading():
            return self._focus(query, *self._tools(query, codec))

    def focus_and_read(
        self,
        query: FocusQuery,
        codec: str | None = None,
        cancel: Cancel | None = None,
        context: Context = "ask",
        beside: Sequence[Beside] = (),
    ) -> tuple[Composed, Rendering]:
        """A working context over packs, the repository and what stands `beside` it, and what the model reads of it.

        Never of a file that has changed. A query with a place is read as `complete` does, one without as `ask` does:
        with line numbers. `context` says which rules hold for packs. Raises StoppedError when `cancel` is set.
        """
        started = time.perf_counter()
        lens, used = self._tools(query, codec)
        found = self._packs.focus(query, lens, context, codec)
        left = query.budget - sum(part.cost for part in found.parts)
        others = shares(beside, query, left)
        asked = replace(query, budget=left - sum(part.cost for part in others))
        for _ in range(FOCUS_TRIES):
            lens, used = self._tools(query, codec)
            if cancel is not None:
                lens = replace(lens, scorer=StoppableScorer(lens.scorer, cancel))
            with self.memory.reading():
                focused = self._focus(asked, lens, used)
                rendering = used.render(focused.in_order)
            if not rendering.stale:
                break
            asked = self._mended(asked, rendering.stale)
        own = Part(RepositorySource(self), focused)
        # What can be called changes with every line, and what stands behind it in a prompt is read anew.
        is_typing = query.at is not None and context == "complete"
        parts = (own, *found.parts) if is_typing else (*found.parts, own)
        parts = (*parts, *others)
        took = (time.perf_counter() - started) * 1000
        composed = Composed(parts, query.budget, took, found.kept_out, found.notices)
        return composed, self._read_all(composed, rendering)

    def _read_all(self, composed: Composed, repository: Rendering) -> Rendering:
        """What the model reads of everything; `repository` is what it reads of the repository."""
        shown: list[Shown] = []
        for part in composed.parts:
            own = part.source.name == REPOSITORY
            rendering = repository if own else part.source.render(part.focused.in_order)
            shown += framed(part.source, rendering)
        return Rendering(tuple(shown), repository.stale)

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

    def read(self, composed: Composed, limit: int | None = None) -> list[Cited]:
        """The chunks of a working context that are in it in detail, best first, as they are on disk now."""
        spans: dict[tuple[str, int], Cited] = {}
        for part in composed.parts:
            for entry in part.focused.entries:
                place = entry.path, entry.node.start
                if entry.level > 1 or place in spans:
                    continue
                text = part.source.text_of(entry, part.focused)
                if text is not None:
                    lines = entry.start_line, entry.end_line
                    where = part.source.provenance(entry)
                    score = round(entry.score, 4)
                    spans[place] = Cited(entry.path, *lines, text, score, entry.reasons, where)
        return sorted(spans.values(), key=lambda cited: -cited.score)[:limit]

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
            composed, rendering = self._memory_at(plan, codec, cancel)
        except StoppedError:
            took = round((time.perf_counter() - started) * 1000, 1)
            yield Usage(self.model.name, 0, 0, 0, "cancelled", took, None)
            return
        yield from self.focus_changes(composed)
        if not self.model.supports_fim:
            yield Notice(NO_FILLING.format(name=self.model.name))
        prompt = completion_prompt(self.model, self.name, rendering.segments, plan.cursor)
        shape = Shape(plan.cursor.prefix, plan.cursor.suffix)
        sampling = Sampling(
            max_new_tokens=wanted.max_new_tokens,
            temperature=wanted.temperature,
            stop_token_ids=tuple(sorted(self.model.specials.known())),
            stop=("\n",) if shape.one_line else (),
            heal=True,
            names=self.names_at(_before(text, at), at),
        )
        yield from stream(self.model, prompt, sampling, cancel, started, shape)

    def names_at(self, text: str, at: Position) -> tuple[str, ...]:
        """What an answer at a cursor is held to begin with, by what packs know; see `Packs.names_at`."""
        if not self.settings.packs.share or not self._packs.mounted():
            return ()
        lens, _ = self._tools(FocusQuery(at=at), "text")
        return self._packs.names_at(text, at, lens.tree)

    def _memory_at(
        self, plan: Plan, codec: str | None, cancel: Cancel | None
    ) -> tuple[Composed, Rendering]:
        """The working context at a cursor: the one of the completion before, where that will do."""
        standing, at = self._standing, plan.cursor.at
        mounted = self._packs.mounted()
        reach = Place.of(plan.cursor.prefix, ()).key if mounted else ""
        if (
            standing is not None
            and standing.serves(at, plan.budget, codec, reach)
            and standing.mounted is mounted
            and self._holds(standing)
        ):
            return standing.composed, standing.rendering
        query = _query(plan.cursor, plan.memory)
        composed, rendering = self.focus_and_read(query, codec, cancel, "complete")
        self._standing = Standing(at, codec, mounted, composed, rendering, reach)
        return composed, rendering

    def _holds(self, standing: Standing) -> bool:
        """Whether what was focused would be read just so from the files as they are now."""
        lens, used = self._tools(FocusQuery(at=standing.at), standing.codec)
        with self.memory.reading():
            lens.tree.refresh()
            try:
                own = used.render(standing.composed.repository.in_order)
            except FocusError:  # what was focused is no more
                return False
        now = self._read_all(standing.composed, own)
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
        query = FocusQuery(text=question, budget=room)
        composed, rendering = self.focus_and_read(query, codec)
        yield from self.focus_changes(composed)
        if not chats:
            yield Notice(NO_CHAT.format(name=self.model_name))
            yield from self.read(composed)
            return
        prompt = ask_prompt(self.name, rendering.segments, question)
        sampling = Sampling(max_new_tokens=wanted.max_new_tokens, temperature=wanted.temperature)
        answer = ""
        for event in stream(self.model, prompt, sampling, cancel, started):
            if isinstance(event, Token):
                answer += event.text
            elif isinstance(event, Usage):
                yield from self._citations(answer, composed)
            yield event

    def focus_changes(self, composed: Composed) -> Iterator[Event]:
        """What a working context tells: why a pack cannot be read, and a change a source, the repository's last."""
        yield from map(Notice, composed.notices)
        parts = sorted(composed.parts, key=lambda part: part.source.name == REPOSITORY)
        yield from (part.change() for part in parts)

    def _citations(self, answer: str, composed: Composed) -> Iterator[Event]:
        read = [
            Span(entry.path, entry.start_line, entry.end_line)
            for entry in composed.entries
            if entry.start_line
        ]
        yield from self.cited(answer, read)

    def cited(self, answer: str, read: Sequence[Span]) -> list[Citation]:
        """The places that an answer names, checked; `read` is what the model has read."""

        def lines_of(path: str) -> int | None:
            if packed := self._packs.place_of(path):
                return packed.lines
            with self.memory.reading():
                record = self.memory.catalogue.file(path)
            return record.lines if record else None

        found = citations(answer, read, lines_of)
        return [self._packs.attributed(each) for each in found]


def _before(text: str, at: Position) -> str:
    lines = text.split("\n")
    return "\n".join((*lines[: at.line - 1], lines[at.line - 1][: at.column - 1]))


def _query(cursor: Cursor, budget: int) -> FocusQuery:
    window = cursor.prefix[-WINDOW_BEFORE:] + cursor.suffix[:WINDOW_AFTER]
    typed = cursor.prefix.rpartition("\n")[2]
    return FocusQuery(
        at=cursor.at, window=window, typed=typed, budget=budget, exclude=(cursor.span,)
    )
