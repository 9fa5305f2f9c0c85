"""What the pages about packs say: what the pack gives, in figures. Knows figures, no task."""

from collections.abc import Sequence

from ..reports import table
from ..running.figures import Figure, difference, shown, shown_difference
from ..running.suite import Section
from .stand import BM25, PACK, WITHOUT, named

VERDICTS = "Differences are paired, at equal budget; an interval without 0 in it is a difference beyond doubt."


def bars(figures: Sequence[Figure], measures: Sequence[str], budgets: Sequence[int]) -> Section:
    """The pack against the repository alone and against BM25 over the packs' texts, at each budget."""
    known = {(each.name, each.arm): each for each in figures}
    rows = []
    for measure in measures:
        for budget in budgets:
            own = known.get((measure, named(PACK, budget)))
            for arm in (WITHOUT, BM25):
                other = known.get((measure, named(arm, budget)))
                if own is not None and other is not None:
                    rows.append(_row(own, other))
    headings = ["figure", "with the pack", "against", "", "difference", "tasks", "the pack is"]
    text = table(headings, rows) if rows else "Nothing to compare yet."
    return Section("What the pack gives", f"{text}\n\n{VERDICTS}")


def _row(own: Figure, other: Figure) -> list[str]:
    found = difference(own, other)
    return [
        own.name,
        f"{own.arm}: {shown(own.interval, own.unit)}",
        other.arm,
        shown(other.interval, other.unit),
        shown_difference(found),
        str(found.tasks),
        found.verdict,
    ]
