"""The agent's loop: step, query, execute, until a turn ends in one of the ways that have a name.

`Agent.send` is a generator of events; whoever reads it decides the pace, and may cancel at any token and inside tools.
Knows no screen and no command line.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from megacontext.configs.errors import MegaContextError, StoreError, UndoError
from megacontext.memory.focus import Span
from megacontext.models.base import (
    CallPiece,
    Cancel,
    MalformedCall,
    Message,
    Piece,
    Sampling,
    ToolCall,
)
from megacontext.models.base import Usage as ModelUsage

from ..edits.commits import commit
from ..edits.journal import Reversal
from ..engine import Engine
from ..events import Cited, Event, Notice, Token, Usage
from .calls import Answered, Calls
from .conversation import Turn
from .events import CallRefused, Edited, TurnEnded, TurnStarted, Writing
from .focusing import Focusing, Shares
from .instructions import InstructionFiles
from .layout import Layout, Sizes
from .limits import EndedError, Limits, Meter, Watch
from .logbook import Logbook
from .prompts import PLAN_MODE, PLAN_MODE_ENDED, nested_text, refusal_text, system_text
from .sessions.recording import Recording
from .sessions.store import Session

LEAST_ANSWERS = 4
"""An answer may take at most this part of what a model reads, or too little is left to read."""
SUBJECT = 72
"""Characters of the first line of a commit's message."""
SAID_NOTHING = "the model said nothing"


@dataclass
class _Answer:
    """What the model said to one question."""

    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    refused: list[CallRefused] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    stop_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo or a redo did to files and to the conversation."""

    reversal: Reversal
    turns: tuple[Turn, ...]
    """The turns that were taken out, or brought back, in order."""


class Agent:
    """One conversation about one repository; `opening.open_agent` makes one. The model is loaded when first asked."""

    def __init__(
        self,
        engine: Engine,
        session: Session,
        calls: Calls,
        instructions: InstructionFiles,
        limits: Limits,
        logbook: Logbook,
    ) -> None:
        self.engine = engine
        self.session = session
        self.calls = calls
        self.instructions = instructions
        self.limits = limits
        self.logbook = logbook
        self.recording = Recording(session.folder)
        self._told_mode = "ask"

    @cached_property
    def layout(self) -> Layout:
        """How prompts are put together; raises ModelError for a model that reads too little."""
        wanted = self.engine.settings.chat
        system = system_text(self.engine.name, self.instructions.root())
        specs = [tool.spec for tool in self.calls.tools.values()]
        model = self.engine.model
        answer = min(wanted.max_new_tokens, model.context_length // LEAST_ANSWERS)
        return Layout(model, system, specs, answer)

    @cached_property
    def focusing(self) -> Focusing:
        """The memory in prompts, at most half of what there is room for."""
        settings, most = self.engine.settings, self.layout.room // 2
        budget = min(settings.focus.budget, most)
        page = min(int(budget * settings.chat.page), most)
        shares = Shares(budget, settings.chat.session_share)
        return Focusing(self.engine, self.calls.shop.focus, shares, page, self.session.folder)

    @property
    def turns(self) -> list[Turn]:
        """The turns of the conversation that hold."""
        return self.session.conversation.turns

    def send(self, text: str, cancel: Cancel | None = None) -> Iterator[Event]:
        """A person's message, and all that comes of it; see `events` for the order. TurnEnded is always last."""
        conversation, meter = self.session.conversation, Meter(self.limits)
        # Half a surrogate pair, from an argument or a clipboard, is no text that any server takes.
        whole = text.encode("utf-8", "replace").decode("utf-8")
        turn = conversation.begin(whole, self._mode_told())
        self.calls.begin(turn.number)
        ended = EndedError("error", "the reader of the events went away")
        try:
            for event in self._turn(turn, meter, meter.watch(cancel)):
                self._note(turn, event)
                yield event
        except EndedError as exc:
            ended = exc
        except MegaContextError as exc:
            ended = EndedError("error", str(exc))
        except OSError as exc:
            ended = EndedError("error", f"{exc.filename or 'the system'}: {exc.strerror or exc}")
        except Exception as exc:
            ended = EndedError("error", f"{type(exc).__name__}: {exc}")
            raise
        finally:
            conversation.end(ended.reason, ended.detail, meter.finish())
        for event in self._afterwards(turn):
            self._note(turn, event)
            yield event

    def _afterwards(self, turn: Turn) -> Iterator[Event]:
        """What follows once a turn is over and kept."""
        if turn.ending in {"done", "limit"} and self.engine.settings.tools.commit:
            yield from map(Notice, self._committed(turn))
        if self.session.problem:
            yield Notice(self.session.problem)
        yield TurnEnded(turn.ending or "done", turn.detail, turn.measures)

    def _committed(self, turn: Turn) -> list[str]:
        """Commit what the turn changed; what became of it, in lines for people."""
        line = " ".join(turn.text.split())
        subject = line if len(line) <= SUBJECT else f"{line[: SUBJECT - 1]}…"
        try:
            changes = self.calls.shop.journal.changes_of(turn.number)
        except (MegaContextError, OSError) as exc:
            return [f"nothing was committed: {exc}"]
        if not changes:
            return []
        made = commit(self.calls.shop.root, changes, subject)
        told = [f"committed {made.commit[:10]}: {', '.join(made.paths)}"] if made.commit else []
        told += [f"{path} is not in the commit: {why}" for path, why in made.left_out]
        return [*told, f"nothing was committed: {made.why_not}"] if made.why_not else told

    def _note(self, turn: Turn, event: Event) -> None:
        self.logbook.note(turn.number, event)
        self.recording.note(event)

    def _turn(self, turn: Turn, meter: Meter, watch: Watch) -> Iterator[Event]:
        yield TurnStarted(turn.number, turn.text)
        yield from self._refreshed()
        if not self.engine.can_chat:
            yield from self._places(turn)
        yield from self._step(turn, meter, first=True)
        while True:
            meter.check()
            answer = yield from self._query(meter, watch)
            watch.check()
            if not answer.calls and not answer.refused:
                yield from self._citations(answer)
                raise self._ending(answer)
            yield from self._execute(turn, answer, meter, watch)
            yield from self._step(turn, meter)

    def _places(self, turn: Turn) -> Iterator[Event]:
        """What a model that cannot chat has to say: the places that answer best."""
        cited = []
        for event in self.engine.ask(turn.text):
            if isinstance(event, Cited):
                cited.append(f"{event.path}:{event.start_line}-{event.end_line}")
            yield event
        self.session.conversation.add(Message("assistant", "\n".join(cited) or "(nothing found)"))
        raise EndedError("done")

    # Step: memory and prompt

    def _step(self, turn: Turn, meter: Meter, *, first: bool = False) -> Iterator[Event]:
        """Focus where there is reason to, and make the prompt fit."""
        place = turn.number, len(turn.messages) - 1
        if first or self.focusing.is_due:
            yield from self.focusing.refocus(self.turns, place, meter)
        while gone := self.layout.fit(self.turns, self.focusing.page):
            self.instructions.forget(self.layout.first, turn.number)
            count = len(gone)
            yield Notice(
                f"{count} earlier turn{'s' * (count > 1)} no longer fit{'s' * (count == 1)} the prompt; "
                "what matters of them is remembered"
            )
            self.focusing.session.take(gone)
            if problem := self.focusing.session.problem:
                yield Notice(problem)
            # What matters of them for this very question.
            yield from self.focusing.refocus(self.turns, place, meter)

    # Query: the model

    def _query(self, meter: Meter, watch: Watch) -> Generator[Event, None, _Answer]:
        wanted = self.engine.settings.chat
        chat = self.layout.prompt(self.turns, self.focusing.page, thinking=wanted.thinking)
        sampling = Sampling(max_new_tokens=self.layout.answer, temperature=wanted.temperature)
        answer, started = _Answer(), time.perf_counter()
        model = self.engine.model
        try:
            for event in model.generate(chat, sampling, watch):
                if not isinstance(event, ModelUsage):
                    meter.first_token()
                match event:
                    case Piece(text=text):
                        answer.text += text
                        answer.logprobs += event.logprobs
                        yield Token(text)
                    case CallPiece(text=text):
                        yield Writing(text)
                    case ToolCall():
                        answer.calls.append(event)
                    case MalformedCall(text=text, reason=reason):
                        answer.text += text
                        answer.refused.append(CallRefused(reason, text))
                        yield answer.refused[-1]
                    case ModelUsage():
                        answer.stop_reason = event.stop_reason
                        seconds = time.perf_counter() - started
                        meter.query(event, seconds)
                        yield _usage(model.name, event, seconds, answer.logprobs)
        finally:
            self._keep(answer)
        return answer

    def _keep(self, answer: _Answer) -> None:
        conversation = self.session.conversation
        calls = conversation.numbered(answer.calls)
        answer.calls = list(calls)
        text = answer.text.rstrip() if calls else answer.text
        if text or calls:
            conversation.add(Message("assistant", text, calls))

    def _citations(self, answer: _Answer) -> Iterator[Event]:
        """The places that the answer names, checked against what the model has read."""
        shown = [item.entry for _, item in self.focusing.page.shown]
        read = [
            Span(entry.path, entry.start_line, entry.end_line)
            for entry in shown
            if entry.start_line
        ]
        read += map(Span, self.focusing.touched_paths)
        yield from self.engine.cited(answer.text, read)

    def _ending(self, answer: _Answer) -> EndedError:
        if answer.stop_reason == "length":
            most = self.layout.answer
            return EndedError("limit", f"an answer of {most:,} tokens (chat.max_new_tokens)")
        if self.calls.unasked:
            return EndedError(
                "refused", f"nobody could be asked to allow: {self.calls.unasked[0].summary}"
            )
        return EndedError("done", "" if answer.text.strip() else SAID_NOTHING)

    # Execute: tools

    def _execute(self, turn: Turn, answer: _Answer, meter: Meter, watch: Watch) -> Iterator[Event]:
        """Carry out the calls in order; what is done before the turn ends is told in any case."""
        done: list[Answered] = []
        failures = ""
        try:
            for call in answer.calls:
                watch.check()
                made = yield from self._edits_noted(self.calls.carry_out(call, watch, meter))
                done.append(made)
                yield from self._remembered(made)
            if edits := [each.call.id for each in done if each.edited]:
                failures = yield from self.calls.check(edits[-1], watch, meter)
                if self.engine.settings.tools.checks:
                    yield from self._refreshed()
        finally:
            self._tell(turn, done, failures)
        if answer.refused:
            told = Message("user", refusal_text(answer.refused))
            self.session.conversation.add(told)
        meter.malformed(len(answer.refused) + sum(not each.made for each in done))

    def _tell(self, turn: Turn, done: Sequence[Answered], failures: str) -> None:
        """Add the results to the conversation, what failed after them and instructions for where they lead."""
        for each in done:
            parts = [
                each.text,
                *map(nested_text, self.instructions.below(each.touched, turn.number)),
            ]
            if each is done[-1] and failures:
                parts.append(failures)
            self.session.conversation.add(Message("tool", "\n\n".join(parts), call_id=each.call.id))

    def _edits_noted(
        self, events: Generator[Event, None, Answered]
    ) -> Generator[Event, None, Answered]:
        """Note each edit in the conversation before anybody else learns of it."""
        try:
            while True:
                event = next(events)
                if isinstance(event, Edited):
                    self.session.conversation.edited(event.step, event.path)
                yield event
        except StopIteration as done:
            answered: Answered = done.value
            return answered

    def _remembered(self, done: Answered) -> Iterator[Event]:
        """Let memory see what changed, and what was of interest."""
        for path in done.touched:
            self.focusing.touched(path)
        if done.ran:
            yield from self._refreshed()

    def _refreshed(self) -> Iterator[Event]:
        """Bring memory up to date. Where that cannot be, it is still checked against the files before it is shown."""
        try:
            self.engine.refresh()
        except StoreError as exc:
            yield Notice(f"memory is not up to date: {exc}")

    # Beside the loop

    def sizes(self) -> Sizes:
        """How the next prompt's positions are shared."""
        return self.layout.sizes(self.turns, self.focusing.page)

    def undo(self) -> Undone:
        """Reverse the last turn that edited something, and all turns behind it: files and conversation.

        Raises UndoError when there is nothing to undo, or when a file was changed by somebody else since; then nothing
        happens.
        """
        reversal = self.calls.shop.journal.undo()
        first = min(reversal.turns)
        withdrawn = self.session.conversation.withdraw(max(0, len(self.turns) - first + 1))
        self._reversed(reversal, withdrawn)
        return Undone(reversal, tuple(withdrawn))

    def redo(self) -> Undone:
        """Take the last undo back, unless the conversation has gone on since; raises UndoError as `undo` does."""
        if not self.session.conversation.undone:
            raise UndoError("there is nothing to do again; a new turn settles what was undone")
        reversal = self.calls.shop.journal.redo()
        restored = self.session.conversation.restore()
        self._reversed(reversal, [])
        return Undone(reversal, tuple(restored))

    def _reversed(self, reversal: Reversal, withdrawn: list[Turn]) -> None:
        last = len(self.turns)
        self.instructions.forget(1, last)
        if "focusing" in self.__dict__:
            self.focusing.session.forget(withdrawn)
            self.layout.keep_turns(min(self.layout.first, max(1, last)), last, self.focusing.page)
        if self.engine.memory.ingest is not None:
            self.engine.memory.ingest.apply(change.path for change in reversal.changes)

    def close(self) -> None:
        """Let other processes go on with the session."""
        if "focusing" in self.__dict__:
            self.focusing.session.close()
        self.session.close()

    def _mode_told(self) -> str:
        """A word on plan mode where that has changed; the start of the prompt stays as it was."""
        mode, told = self.calls.permissions.mode, self._told_mode
        self._told_mode = mode
        if (mode == "plan") == (told == "plan"):
            return ""
        return f"{PLAN_MODE if mode == 'plan' else PLAN_MODE_ENDED}\n\n"


def _usage(model: str, usage: ModelUsage, seconds: float, logprobs: Sequence[float]) -> Usage:
    return Usage(
        model=model,
        positions=usage.positions,
        reused=usage.reused,
        generated=usage.generated,
        stop_reason=usage.stop_reason,
        ms=round(seconds * 1000, 1),
        mean_logprob=round(sum(logprobs) / len(logprobs), 4) if logprobs else None,
    )
