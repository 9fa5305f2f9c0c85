"""What a turn is about, as a query to packs, the repository and the session, and the page that they are put on.

Knows no model beyond what the engine does for it.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from megacontext.configs.errors import FocusError
from megacontext.memory.focus import Focused, FocusQuery, Span
from megacontext.models.base import TextCounter

from ..engine import FOCUS_TRIES, Engine
from ..events import Event
from ..sources import REPOSITORY, Composed, RepositorySource, Source
from ..tools.focus_control import FocusControl
from .conversation import Turn
from .limits import Meter
from .page import Page, Place
from .prompts import REPOSITORY as HEADING
from .sessions.source import SessionSource

MENTION = re.compile(
    r"(?<!\w)@(?P<path>[\w./+-]*[\w+-])(?::(?P<first>\d{1,7})(?:-(?P<last>\d{1,7}))?)?"
)
SHORT = 6
"""Words of a message below which the one before it tells what it is about."""
RECENT = 32
"""Paths that count as lately touched."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How many positions of memory a focus may take."""

    budget: int
    session: float
    """Share of it for old turns, where there are any."""


class Focusing:
    """The memory of one conversation's prompts."""

    def __init__(
        self, engine: Engine, control: FocusControl, shares: Shares, page: int, session: Path
    ) -> None:
        """`page` is the limit of all memory in a prompt, in positions; `session` the session's folder."""
        counter: TextCounter = engine.model.counter
        self.engine = engine
        self.control = control
        self.shares = shares
        self.page = Page(page, counter.count)
        self.session = SessionSource(engine, session, shares.session)
        self.latest: tuple[Focused, ...] = ()
        """What the last refocus chose, of the repository first."""
        self._repository = RepositorySource(engine, HEADING)
        self.touched_paths: list[str] = []
        """What tools looked at or changed, the latest first."""
        self._times: Counter[str] = Counter()
        self._wishes = self._wished()

    def touched(self, path: str) -> None:
        """A tool read or edited a path; the next focus counts it as lately used."""
        others = (each for each in self.touched_paths if each != path)
        self.touched_paths = [path, *others][:RECENT]
        self._times[path] += 1

    @property
    def is_due(self) -> bool:
        """Whether somebody has pinned, expanded or collapsed something since the last focus."""
        return self._wished() != self._wishes

    def _wished(self) -> tuple[tuple[Span, ...], ...]:
        control = self.control
        return control.pinned, control.expanded, control.collapsed

    def refocus(self, turns: list[Turn], place: Place, meter: Meter) -> Iterator[Event]:
        """Focus on the present turn and put what is new before the message at `place`."""
        self._wishes = self._wished()
        composed = self._onto_page(self._query(turns), place)
        yield from self.engine.focus_changes(composed)
        beside = [part.focused for part in composed.parts if part.source.name != REPOSITORY]
        self.latest = (composed.repository, *beside)
        self._measure(meter)

    def _onto_page(self, query: FocusQuery, place: Place) -> Composed:
        """Focus on everything there is and put it on the page; once more if the repository changes under way."""
        for tries_left in reversed(range(FOCUS_TRIES)):
            composed, _ = self.engine.focus_and_read(query, context="chat", beside=(self.session,))
            found = [(self._headed(part.source), part.focused) for part in composed.parts]
            try:
                with self.engine.memory.reading():
                    self.page.update(place, found)
                break
            except FocusError:
                if not tries_left:
                    raise
        return composed

    def _headed(self, source: Source) -> Source:
        # In a conversation the repository's part stands between others, and says what it is.
        return self._repository if source.name == REPOSITORY else source

    def _measure(self, meter: Meter) -> None:
        levels: Counter[int] = Counter()
        for focused in self.latest:
            for entry in focused.entries:
                levels[entry.level] += entry.cost
        changes = [focused.changes for focused in self.latest]
        expanded = sum(len(each.expanded) for each in changes)
        meter.focused(expanded, sum(len(each.collapsed) for each in changes), dict(levels))

    def _query(self, turns: list[Turn]) -> FocusQuery:
        asked = [turn.text for turn in turns[-2:]]
        is_short = len(asked[-1].split()) < SHORT
        wanted = FocusQuery(
            text="\n".join(asked) if is_short else asked[-1],
            budget=self.shares.budget,
            pins=tuple(self.mentioned(asked[-1])),
            recent=tuple(self.touched_paths),
            accesses=tuple(sorted(self._times.items())),
        )
        return self.control.applied(wanted)

    def mentioned(self, text: str) -> Iterator[Span]:
        """The files and definitions that a message names as `@path`, `@path:line`, `@path:first-last` or `@symbol`."""
        catalogue = self.engine.memory.catalogue
        for found in MENTION.finditer(text):
            name, first = found["path"], int(found["first"] or 0)
            with self.engine.memory.reading():
                if catalogue.file(name) is not None:
                    last = int(found["last"] or first)
                    yield Span(name, first, max(first, last)) if first else Span(name)
                    continue
                symbols = catalogue.symbols_named(name.rpartition(".")[2], limit=4)
                chunks = catalogue.chunks({symbol.chunk_id for symbol in symbols})
            yield from (
                Span(chunk.path, chunk.start_line, chunk.end_line) for chunk in chunks.values()
            )
