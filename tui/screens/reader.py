"""From news to the parts of the main screen. Knows which part shows what; starts nothing."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from megacontext.agent.chat.events import ToolStarted, TurnEnded, TurnStarted, Writing
from megacontext.agent.events import Event, Notice, Token, Usage
from megacontext.agent.permissions.asking import Answer

from ..desk.news import (
    Asking,
    Failed,
    Freshened,
    Happened,
    News,
    Opened,
    Over,
    Printed,
    Ready,
    Refocused,
    Remark,
    Rested,
    Trouble,
    Worked,
)
from ..widgets.approval import ApprovalPanel
from ..widgets.focus import FocusPane, FocusStrip
from ..widgets.status_line import Status, StatusLine
from ..widgets.transcript import Transcript
from ..widgets.transcript.items import Code, Item, Note
from ..widgets.transcript.narrator import Narrator, Told
from ..widgets.transcript.welcome import welcome
from ..widgets.turn_line import TurnLine, TurnState

UNFINISHED = "not indexed to the end"
FIGURES_S = 0.5
"""While nothing but text comes, figures are told anew after so long: sooner than one could read them."""
STAGES = {"files": "indexing", "gists": "gists"}


@dataclass(frozen=True)
class Parts:
    """The parts of the screen that show news."""

    transcript: Transcript
    status: StatusLine
    turn: TurnLine
    pane: FocusPane
    strip: FocusStrip
    approval: ApprovalPanel


@dataclass
class _Figures:
    """What the present turn took so far."""

    positions: int = 0
    reused: int = 0
    generated: int = 0
    pieces: int = 0
    since: float = 0.0
    """When the first piece of the present answer came."""
    rate: float = 0.0

    def tokens(self, count: int) -> None:
        """So many pieces of text have come."""
        now = time.monotonic()
        if not self.pieces:
            self.since = now
        self.pieces += count
        if now - self.since > 0.25:
            self.rate = self.pieces / (now - self.since)

    def usage(self, usage: Usage) -> None:
        """An answer is complete."""
        self.positions += usage.positions
        self.reused += usage.reused
        self.generated += usage.generated
        self.pieces = 0

    def __str__(self) -> str:
        parts = []
        if self.positions:
            parts.append(f"{self.positions:,} in")
            parts.append(f"{self.generated:,} out")
        if self.rate:
            parts.append(f"{self.rate:,.0f} tok/s")
        if self.positions:
            parts.append(f"reused {self.reused / self.positions:.0%}")
        return "  ".join(parts)


def _text_of(news: News) -> str | None:
    """The piece of an answer that news are; None when they are anything else."""
    match news:
        case Happened(event=Token(text=text)):
            return text
    return None


def _joined(batch: Sequence[News]) -> Iterator[News]:
    """With pieces of an answer that follow each other as one: a fast model writes many in a frame."""
    texts: list[str] = []
    for news in batch:
        if (text := _text_of(news)) is not None:
            texts.append(text)
            continue
        if texts:
            yield Happened(Token("".join(texts)))
            texts.clear()
        yield news
    if texts:
        yield Happened(Token("".join(texts)))


class Reader:
    """Shows news."""

    def __init__(self, parts: Parts, name: str, budget: int) -> None:
        self.parts = parts
        self.narrator = Narrator()
        self.is_ready = False
        self.is_working = False
        self._name = name
        self._budget = budget
        self._opened: Opened | None = None
        """What the first session begins with."""
        self._figures = _Figures()
        self._told_figures = 0.0
        self._question: Item | None = None
        """What the person said last."""
        self._questions: deque[Asking] = deque()

    def read(self, batch: Sequence[News]) -> None:
        """Show all of these in order; events that follow each other are laid out together."""
        pieces = sum(_text_of(news) is not None for news in batch)
        self._figures.tokens(pieces)
        told = Told()
        for news in _joined(batch):
            if isinstance(news, Happened):
                more = self._happened(news.event)
                told.added += more.added
                told.changed += more.changed
            else:
                told.added += self._told(news)
                self.tell(told)
                told = Told()
                self._show(news)
        self.tell(told)
        if self.is_working and (pieces < len(batch) or self._figures_are_old):
            self._show_figures()

    def tell(self, told: Told) -> None:
        """Put into the transcript what was told."""
        fresh = set(map(id, told.added))
        if told.added:
            self.parts.transcript.add(*told.added)
        if changed := {id(item): item for item in told.changed if id(item) not in fresh}:
            self.parts.transcript.changed(changed.values())

    # What happened

    def begin(self, said: str) -> None:
        """The person has asked for something, and the work on it begins."""
        self._figures = _Figures()
        self.work("thinking")
        told = self.narrator.begin(said)
        self._question = told.added[0]
        self.tell(told)

    def work(self, what: str) -> None:
        """Something is being done."""
        self.is_working = True
        self.parts.turn.state = replace(self.parts.turn.state, working=what)

    def _happened(self, event: Event) -> Told:
        match event:
            case Token():
                self.work("answering")
            case Writing():
                self.work("writing a call")
            case ToolStarted(name=name):
                self.work(name)
            case Usage():
                self._figures.usage(event)
                self.work("thinking")
            case TurnEnded(measures=measures) if measures.model_ms:
                self._figures.rate = measures.generated * 1000 / measures.model_ms
        return self.narrator.tell(event)

    @property
    def _figures_are_old(self) -> bool:
        return time.monotonic() - self._told_figures >= FIGURES_S

    def _show_figures(self) -> None:
        self._told_figures = time.monotonic()
        state = self.parts.turn.state
        self.parts.turn.state = replace(state, figures=str(self._figures))

    def _told(self, news: News) -> list[Item]:
        """What news mean for the transcript."""
        match news:
            case Opened():
                return self._notes_on(news)
            case Ready():
                return self._ready(news)
            case Trouble(text=text):
                return [Note(text, "bad")]
            case Remark(text=text, role=role):
                return [Note(text, role)]
            case Printed(line=line, text=text, note=note, ok=ok):
                return [Code(f"$ {line}", text), Note(note, "ok" if ok else "bad")]
            case Failed(error=error):
                raise error
        return []

    def _show(self, news: News) -> None:
        """What news mean for the other parts."""
        match news:
            case Opened(stopped=stopped):
                self._status(fresh=UNFINISHED if stopped else "fresh", is_fresh=not stopped)
            case Ready(branch=branch, model=model, device=device, codec=codec):
                self._status(branch=branch, model=model, device=device, codec=f"{codec} codec")
            case Worked(stage=stage, done=done, total=total):
                share = f" {done / total:.0%}" if total else ""
                self._status(activity=f"{STAGES.get(stage, stage)}{share}")
            case Rested(stage="gists", gists=gists):
                self._status(activity="", gists=gists)
            case Rested():
                self._status(activity="")
            case Freshened():
                self._status(fresh="fresh", is_fresh=True)
            case Refocused(picture=picture):
                self.parts.pane.picture = picture
                self.parts.strip.picture = picture
            case Asking():
                self._questions.append(news)
                self.ask_next()
            case Over():
                self._over()

    def _notes_on(self, opened: Opened) -> list[Item]:
        self._opened = opened
        notes: list[Item] = []
        if opened.read_only:
            notes.append(Note(f"{opened.read_only} keeps this memory fresh; it is read here"))
        if opened.stopped:
            notes.append(Note("indexing was stopped; /index goes on with it", "warn"))
        return notes

    def _ready(self, news: Ready) -> list[Item]:
        self.is_ready = True
        opened, self._opened = self._opened, None
        if news.history:
            return self._past(news.history)
        if opened is None:
            return [Note(f"a new session with {news.model}")]
        return welcome(
            self._name,
            opened.files,
            opened.tokens,
            self._budget,
            news.model,
            news.device,
            news.reason,
            chats=news.chats,
            example=opened.example,
            place=opened.place,
        )

    def _past(self, events: Sequence[Event]) -> list[Item]:
        """What was said before, as it was told then."""
        items: list[Item] = []
        for event in events:
            if isinstance(event, TurnStarted):
                items += self.narrator.begin(event.text).added
            elif not isinstance(event, Notice):
                items += self.narrator.tell(event).added
        return items

    def _status(self, **values: Any) -> None:
        status: Status = self.parts.status.status
        self.parts.status.status = replace(status, **values)

    def _over(self) -> None:
        self.is_working = False
        if self._question is not None and self.narrator.answered_with_places:
            # The best place is the first: it is read from the top.
            self.parts.transcript.begin_at(self._question)
        self._question = None
        self._show_figures()
        self.parts.turn.state = replace(self.parts.turn.state, working="")
        self._questions.clear()
        self.parts.approval.close()

    # Questions

    @property
    def question(self) -> Asking | None:
        """What the person is asked at present."""
        return self._questions[0] if self._questions else None

    def ask_next(self) -> None:
        """Ask what waits first, unless something is being asked already."""
        if self._questions and self.parts.approval.request is None:
            self.parts.approval.show(self._questions[0].request)

    def answered(self, answer: Answer) -> None:
        """The person has decided on the first question."""
        if self._questions:
            self._questions.popleft().answers.put(answer)
        self.ask_next()

    def set_mode(self, mode: str) -> None:
        """What the agent may do is another thing now."""
        state: TurnState = self.parts.turn.state
        self.parts.turn.state = replace(state, mode=mode)
