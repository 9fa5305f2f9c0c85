"""The plots of a report on a GistNet: CGR by ratio, and by slots per block."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from megacontext.models.evaluation.bootstrap import Interval
from megacontext.models.evaluation.ceiling import CeilingFigures
from megacontext.models.evaluation.gist_figures import SettingFigures

from .gist_page import NAMES
from .gist_report import CGR_BARS, HORIZON, GistReport
from .reports import blank_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = {
    "gist": ("#1f5fbf", "o-"),
    "last_tokens": ("#444444", "s--"),
    "mixed": ("#2a9d5c", "D-."),
    "mean_pooled": ("#c77d1e", "^:"),
    "shuffled": ("#b03a48", "v:"),
    "fitted": ("#7a4fb5", "*"),
    "between": ("#7a4fb5", "x"),
}
"""Colour, and marker with line, of each row."""
LABELS = {
    **NAMES,
    "gist": "gists",
    "fitted": "fitted slots, at their targets",
    "between": "fitted slots, in between",
}
GREY = "#999999"
APART = 0.06
"""Ratios between two rows, so that their intervals do not hide each other."""
LOWEST, HIGHEST = -60, 110
"""Percent of CGR that is shown; what lies outside says no more."""
Row = Mapping[str, Interval]


def plots(report: GistReport) -> dict[str, "Figure"]:
    """Return the figures by name."""
    return {"cgr": _by_ratio(report), "slots": _by_slots(report.figures.settings)}


def _by_ratio(report: GistReport) -> "Figure":
    settings = report.figures.settings
    figure = blank_figure(len(settings), height=4.6)
    for plot, (name, found) in zip(figure.axes, settings.items(), strict=True):
        horizon = HORIZON if HORIZON in found.cgr else next(iter(found.cgr))
        rows = _rows(found, horizon, report.ceiling.get(name, {}))
        for number, (kind, row) in enumerate(rows.items()):
            colour, style = STYLES[kind]
            shift = APART * (number - len(rows) / 2)
            _draw(plot, row, LABELS[kind], shift, fmt=style, color=colour)
        wanted = [100 * CGR_BARS[ratio] for ratio in rows["gist"]]
        plot.plot(wanted, "_", color=GREY, markersize=24, label="wanted of gists")
        _finish(plot, f"CGR@{horizon}, {NAMES[name]}", "tokens a position", rows["gist"])
    _legend(figure)
    return figure


def _rows(
    found: SettingFigures, horizon: str, ceiling: Mapping[str, CeilingFigures]
) -> dict[str, Row]:
    rows: dict[str, Row] = {"gist": found.cgr[horizon]}
    rows |= {kind: control.cgr[horizon] for kind, control in found.controls.items()}
    if ceiling:
        rows["fitted"] = {ratio: each.fitted for ratio, each in ceiling.items()}
        rows["between"] = {ratio: each.between for ratio, each in ceiling.items()}
    return rows


def _by_slots(settings: Mapping[str, SettingFigures]) -> "Figure":
    figure = blank_figure(len(settings))
    for plot, (name, found) in zip(figure.axes, settings.items(), strict=True):
        for number, (horizon, row) in enumerate(found.slots.items()):
            _draw(plot, row, f"{horizon} targets", APART * number, fmt="o-")
        _finish(plot, f"CGR, {NAMES[name]}", "slots a block", next(iter(found.slots.values())))
    _legend(figure)
    return figure


def _draw(plot: Any, row: Row, label: str, shift: float, **style: str) -> None:
    mids = [100 * each.mid for each in row.values()]
    below = [100 * max(0.0, each.mid - each.low) for each in row.values()]
    above = [100 * max(0.0, each.high - each.mid) for each in row.values()]
    places = [number + shift for number in range(len(row))]
    plot.errorbar(places, mids, (below, above), label=label, capsize=2, elinewidth=0.9, **style)


def _finish(plot: Any, title: str, below: str, row: Row) -> None:
    plot.set_title(title, fontsize="medium")
    plot.set_xticks(range(len(row)), list(row))
    plot.set_xlabel(below)
    plot.set_ylabel("% of the context's worth")
    plot.axhline(0, color=GREY, linewidth=0.8)
    low, high = plot.get_ylim()
    plot.set_ylim(max(low, LOWEST), min(high, HIGHEST))
    plot.grid(axis="y", alpha=0.3)


def _legend(figure: "Figure") -> None:
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize="small")
