"""The page of one run in Markdown, with a plot of its figures. Knows no benchmark."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..reports import Report, blank_figure, image_name, plain, table
from .figures import SHARE, Difference, Figure, difference, shown, shown_difference
from .suite import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Plot

STEM = "report"
PAIRED = "Intervals hold 95 % of 2,000 resamplings of the {groups}; differences are paired, task by task."
NONE = "–"


def report(
    about: Mapping[str, Any], figures: Sequence[Figure], sections: Sequence[Section]
) -> Report:
    """The page, its plots, and the figures without their units' values as JSON."""
    plots = _plots(figures)
    parts = [f"# {about['suite']}", _about(about), _figures(figures)]
    parts += [f"![{name}]({image_name(STEM, name)})" for name in plots]
    for each in sections:
        parts += [f"## {each.heading}", each.text]
        parts += [f"![{name}]({image_name(STEM, name)})" for name in each.plots]
        plots |= each.plots
    parts += ["## How to measure this again", _again(about)]
    return Report(STEM, "\n\n".join(parts) + "\n", {"figures": summary(figures)}, plots)


def summary(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """The figures in short, for programs."""
    return [
        {
            "name": each.name,
            "arm": each.arm,
            "interval": plain(list(each.interval)),
            "unit": each.unit,
            "tasks": len(each.values),
        }
        for each in figures
    ]


def comparison(differences: Sequence[Difference]) -> str:
    """A Markdown table of differences."""
    rows = [
        [
            each.name,
            each.left if each.left == each.right else f"{each.left} against {each.right}",
            shown_difference(each),
            str(each.tasks),
            each.verdict,
        ]
        for each in differences
    ]
    return table(["figure", "arm", "difference", "tasks", "left is"], rows)


def against_first(figures: Sequence[Figure]) -> list[Difference]:
    """Each figure of each further arm against that of the first arm."""
    arms = list(dict.fromkeys(each.arm for each in figures))
    first = {each.name: each for each in figures if each.arm == arms[0]}
    return [
        difference(each, first[each.name])
        for each in figures
        if each.arm != arms[0] and each.name in first
    ]


def _about(about: Mapping[str, Any]) -> str:
    model, starts = about["model"], about["starts"]
    lines = [f"- model: {model.get('name', 'none is asked')}"]
    lines += [f"- {name}: {value}" for name, value in model.items() if name != "name"]
    lines += [f"- {name}: `{_short(value)}`" for name, value in about["settings"].items()]
    last = starts[-1]
    changed = ", with changes" if last["uncommitted"] else ""
    seconds = sum(start["seconds"] or 0 for start in starts)
    where = last["machine"]
    lines += [
        f"- commit {last['commit']}{changed}; started {starts[0]['started']}; {seconds:.0f} s of work",
        f"- {where['processor']}, {where['processors']} processors, {where['memory_gb']} GB, "
        f"GPU: {where['gpu'] or 'none'}",
    ]
    return "\n".join(lines)


def _figures(figures: Sequence[Figure]) -> str:
    if not figures:
        return "There are no figures."
    arms = list(dict.fromkeys(each.arm for each in figures))
    cells = {(each.name, each.arm): shown(each.interval, each.unit) for each in figures}
    names = list(dict.fromkeys(each.name for each in figures))
    rows = [[name, *(cells.get((name, arm), NONE) for arm in arms)] for name in names]
    groups = len({group for each in figures for group in each.groups.values()})
    tasks = len({task for each in figures for task in each.values})
    what = "tasks" if groups == tasks else f"{groups} groups of {tasks} tasks"
    parts = [table(["figure", *arms], rows), PAIRED.format(groups=what)]
    if differences := against_first(figures):
        parts += [f"### Against {arms[0]}", comparison(differences)]
    return "\n\n".join(parts)


def _plots(figures: Sequence[Figure]) -> dict[str, "Plot"]:
    """One plot with a field for each unit: a group of bars for each figure, a bar for each arm."""
    units = list(dict.fromkeys(each.unit for each in figures))
    if not units:
        return {}
    arms = list(dict.fromkeys(each.arm for each in figures))
    plot = blank_figure(len(units), width=max(6.0, 4.5 * len(units)))
    for axes, unit in zip(plot.axes, units, strict=True):
        here = [each for each in figures if each.unit == unit]
        names = list(dict.fromkeys(each.name for each in here))
        width = 0.8 / len(arms)
        for number, arm in enumerate(arms):
            mine = [each for each in here if each.arm == arm]
            times = 100 if unit == SHARE else 1
            ends = [[times * end for end in each.interval] for each in mine]
            places = [names.index(each.name) + number * width for each in mine]
            errors = [[mid - low for low, mid, _ in ends], [high - mid for _, mid, high in ends]]
            axes.bar(places, [mid for _, mid, _ in ends], width, yerr=errors, capsize=2, label=arm)
        axes.set_xticks(
            [at + 0.4 - width / 2 for at in range(len(names))], names, rotation=20, ha="right"
        )
        axes.set_ylabel(unit)
        if unit == SHARE:
            axes.set_ylim(0, 100)
    plot.axes[0].legend(fontsize="small")
    return {"figures": plot}


def _again(about: Mapping[str, Any]) -> str:
    last = about["starts"][-1]
    versions = {key: last[key] for key in ("python", "torch", "transformers", "tokenizers")}
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    data = ", ".join(f"{name} {digest}" for name, digest in about["data"].items())
    return f"```\n{about['command']}\n```\n\n{told}. Data: {data}."


def _short(value: object, most: int = 120) -> str:
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}…"
