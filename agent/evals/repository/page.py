"""What the pages of the repository tasks say: the bars, and what the arms are. Knows figures, no task."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..reports import blank_figure, table
from ..running.figures import SHARE, Figure, difference, shown, shown_difference
from ..running.suite import Section
from .arms.entrants import BM25, FULL, GIST, LENSNET, MORE, NONE, OUTLINE, TEXT, Plan, named
from .bench import Bench

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Plot

POINTS = 0.05
"""By so much MegaContext is to beat what a user would pick instead."""


Known = Mapping[tuple[str, str], Figure]
"""Figures by name and arm."""


def by_budget(figures: Sequence[Figure], measures: Sequence[str], plan: Plan) -> Section:
    """A table for each measure, arms by budgets, and a plot of all."""
    known = {(each.name, each.arm): each for each in figures}
    tables = (f"**{measure}**\n\n{_table(known, measure, plan)}" for measure in measures)
    return Section("By budget", "\n\n".join(tables), {"budgets": _plot(known, measures, plan)})


def _table(known: Known, measure: str, plan: Plan) -> str:
    budgets = [*plan.budgets, *plan.larger]
    rows = [
        [
            arm,
            *(
                _cell(known.get((measure, named(arm, each)))) if each in own else ""
                for each in budgets
            ),
        ]
        for arm, own in plan.budgeted.items()
        if arm not in (NONE, FULL)
    ]
    ends = ((arm, known.get((measure, arm))) for arm in (NONE, FULL))
    rows += [
        [f"{arm} (at its own size)", _cell(each), *[""] * (len(budgets) - 1)] for arm, each in ends
    ]
    return table(["arm", *map(str, budgets)], rows)


def _cell(figure: Figure | None) -> str:
    return shown(figure.interval, figure.unit) if figure else ""


def _plot(known: Known, measures: Sequence[str], plan: Plan) -> "Plot":
    image = blank_figure(len(measures), width=5.0 * len(measures))
    for axes, measure in zip(image.axes, measures, strict=True):
        for arm, budgets in plan.budgeted.items():
            points = [
                (budget, figure.interval.mid * (100 if figure.unit == SHARE else 1))
                for budget in budgets
                if (figure := known.get((measure, named(arm, budget))))
            ]
            if points and arm in (NONE, FULL):
                axes.axhline(
                    points[0][1], label=arm, linestyle=":" if arm == NONE else "--", color="gray"
                )
            elif points:
                axes.plot(*zip(*points, strict=True), marker="o", label=arm)
        axes.set_title(measure)
        axes.set_xlabel("budget (positions)")
    image.axes[0].legend(fontsize="small")
    return image


def bars(figures: Sequence[Figure], measures: Sequence[str], plan: Plan) -> Section:
    """MegaContext at each budget against BM25 and the outline map at the same, and BM25 at a larger one."""
    known = {(each.name, each.arm): each for each in figures}
    rows = []
    for measure in measures:
        for budget in plan.budgets:
            own = [known.get((measure, named(arm, budget))) for arm in (TEXT, GIST, LENSNET)]
            best = max(filter(None, own), key=lambda each: each.interval.mid, default=None)
            if best is None:
                continue
            for arm, times in ((BM25, 1), (OUTLINE, 1), (BM25, MORE)):
                other = known.get((measure, named(arm, times * budget)))
                if other is not None:
                    rows.append(_row(best, other, POINTS if times == 1 else 0.0))
    headings = ["figure", "MegaContext", "against", "difference", "tasks", "bar", "met"]
    text = table(headings, rows) if rows else "Nothing to compare yet."
    return Section("Bars", f"{text}\n\n{HOW}")


HOW = (
    "Differences are paired. Equal budgets: at least 5 points better, with the whole interval above 0. "
    f"BM25 at {MORE} times the budget: not worse beyond doubt. The best of MegaContext's codecs at a budget is chosen "
    "on these very tasks, which favours it a little."
)


def _row(own: Figure, other: Figure, points: float) -> list[str]:
    found = difference(own, other)
    low, mid, high = found.interval
    met = (mid >= points and low > 0) if points else high >= 0
    return [
        own.name,
        own.arm,
        other.arm,
        shown_difference(found),
        str(found.tasks),
        f"≥ {100 * points:.0f} points" if points else "not worse",
        "yes" if met else "no",
    ]


def about_arms(bench: Bench) -> Section:
    """How each arm chooses."""
    settings, plan = bench.settings, bench.plan
    lens = "" if plan.lensnet else f" This model has no LensNet, so there is no arm `{LENSNET}`."
    more = ", ".join(str(each) for each in plan.larger) or "none fits"
    lines = [
        f"Every prompt ends with the text before the cursor, at most {settings.tail} tokens; behind the cursor there "
        "is nothing, and memory knows the file up to the cursor alone. The number behind an arm's name is its budget: "
        "positions that it may put before that text, names of files counted.",
        "",
        f"- `{NONE}`: nothing.",
        "- `recency`: what stands above that text in the file; then the files that are nearest by folders.",
        f"- `{BM25}`: passages of ten lines, the best by Okapi BM25 for the last 400 characters. At "
        f"{MORE} times the budget, too: {more}.",
        f"- `{OUTLINE}`: signatures ranked by PageRank over definitions and uses, in the manner of aider's map.",
        f"- `ami`: of BM25's {settings.candidates} best passages those that lower the perplexity of the text before "
        "the cursor most, in a knapsack, after LongCodeZip.",
        f"- `{TEXT}`, `{GIST}`: MegaContext's focus with the scorer that ships, read as text, or with gists of "
        f"{settings.slots} vectors a block.{lens}",
        f"- `{FULL}`: {plan.room} positions, all that the model has room for: the needed definitions, the rest of the "
        "file, the files that define them, and others. It knows what is to come: a ceiling, no entrant.",
    ]
    return Section("What is compared", "\n".join(lines))
