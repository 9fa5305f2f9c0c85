"""One focus of the memory as the focus view draws it, whether it was made now or recorded. Knows no widget."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from megacontext.agent.events import FocusChange, FocusedEntry
from megacontext.memory.focus import Focused, Node, WorkingEntry, all_entries

FILE = 3
"""From this level up an entry stands for whole files or folders."""
Place = tuple[str, int, int]
"""Path, first and last line."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One entry of a cut."""

    path: str
    start_line: int
    end_line: int
    level: int
    cost: int
    score: float
    reasons: tuple[str, ...]
    silent: bool = False
    pinned: bool = False
    node: Node | None = None
    """None when it was recorded."""

    @property
    def place(self) -> Place:
        """What tells it from others of one focus, nearly always, and finds it in another one."""
        return self.path, self.start_line, self.end_line

    @property
    def where(self) -> str:
        """The place in words."""
        if not self.start_line:
            return f"{self.path}/" if self.path else "./"
        return f"{self.path}:{self.start_line}-{self.end_line}"

    @classmethod
    def of(cls, entry: WorkingEntry) -> "Mark":
        """A working entry."""
        return cls(
            entry.path,
            entry.start_line,
            entry.end_line,
            entry.level,
            entry.cost,
            entry.score,
            entry.reasons,
            entry.silent,
            entry.pinned,
            entry.node,
        )

    @classmethod
    def recorded(cls, entry: FocusedEntry) -> "Mark":
        """An entry as an event tells it."""
        return cls(
            entry.path,
            entry.start_line,
            entry.end_line,
            entry.level,
            entry.cost,
            entry.score,
            entry.reasons,
            pinned="pinned" in entry.reasons,
        )


@dataclass(frozen=True)
class Row:
    """Entries that stand under one label: those of an opened file, or whole files and folders of a folder."""

    label: str
    marks: tuple[Mark, ...]

    @property
    def rendered(self) -> "Row":
        """The same without what is silent."""
        return replace(self, marks=tuple(mark for mark in self.marks if not mark.silent))


@dataclass(frozen=True)
class Picture:
    """Everything that the focus view shows of one focus."""

    rows: tuple[Row, ...] = ()
    total: int = 0
    budget: int = 0
    levels: tuple[tuple[Place, int], ...] = ()
    """Level of each rendered place."""
    changed: frozenset[Place] = frozenset()
    """Rendered now, and not at this level before."""
    best: tuple[Mark, ...] = ()
    """What is rendered, best first."""

    @classmethod
    def of(
        cls, focused: Focused, before: "Picture | None" = None, beside: Sequence[Mark] = ()
    ) -> "Picture":
        """A focus of the repository, with what is silent too, and what of other sources stands beside it."""
        marks = [*(Mark.of(entry) for entry in all_entries(focused)), *beside]
        best = [Mark.of(entry) for entry in focused.entries]
        return cls._of(marks, best, focused.total_cost, focused.budget, before)

    @classmethod
    def recorded(cls, change: FocusChange, before: "Picture | None" = None) -> "Picture":
        """A focus as an event tells it: only what is rendered."""
        best = [Mark.recorded(entry) for entry in change.entries]
        marks = sorted(best, key=lambda mark: (mark.path.split("/"), mark.start_line))
        return cls._of(marks, best, change.total_cost, change.budget, before)

    @classmethod
    def _of(
        cls,
        marks: Sequence[Mark],
        best: Iterable[Mark],
        total: int,
        budget: int,
        before: "Picture | None",
    ) -> "Picture":
        levels = tuple((mark.place, mark.level) for mark in marks if not mark.silent)
        known = set(before.levels) if before and before.rows else set(levels)
        changed = frozenset(place for place, level in levels if (place, level) not in known)
        return cls(rows_of(marks), total, budget, levels, changed, tuple(best))

    def level_of(self, place: Place) -> int | None:
        """The level at which a place is rendered; None when it is not."""
        return next((level for known, level in self.levels if known == place), None)


def rows_of(marks: Sequence[Mark]) -> tuple[Row, ...]:
    """Entries in reading order as labelled rows, a folder before what lies in it."""
    rows: dict[str, list[Mark]] = {}
    for path, group in groupby(marks, key=lambda mark: mark.path):
        members = list(group)
        rows.setdefault(_label(path, members), []).extend(members)
    ordered = sorted(rows.items(), key=lambda row: row[0].removeprefix("./").split("/"))
    return tuple(Row(label, tuple(members)) for label, members in ordered)


def _label(path: str, members: Sequence[Mark]) -> str:
    whole = len(members) == 1 and members[0].level >= FILE
    if not whole:
        return path if members[0].start_line else f"{path}/"
    folder = path.rpartition("/")[0]
    return f"{folder}/" if folder else "./"
