"""The plots of a report on a GistNet: CGR by ratio, and by slots per block."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from megacontext.models.evaluation.bootstrap import Interval
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
}
BAR_COLOUR = "#999999"
LOWEST, HIGHEST = -60, 110
"""Percent of CGR that is shown; what lies below says no more."""


def plots(report: GistReport) -> dict[str, "Figure"]:
    """Return the figures by name."""
    settings = report.figures.settings
    return {"cgr": _by_ratio(settings), "slots": _by_slots(settings)}


def _by_ratio(settings: Mapping[str, SettingFigures]) -> "Figure":
    figure = blank_figure(len(settings))
    for plot, (name, found) in zip(figure.axes, settings.items(), strict=True):
        horizon = _horizon(found)
        rows = {"gist": found.cgr[horizon]}
        rows |= {kind: control.cgr[horizon] for kind, control in found.controls.items()}
        for kind, row in rows.items():
            colour, style = STYLES[kind]
            _draw(plot, row, NAMES.get(kind, "gists"), fmt=style, color=colour)
        wanted = [100 * CGR_BARS[ratio] for ratio in found.cgr[horizon]]
        plot.plot(wanted, "_", color=BAR_COLOUR, markersize=22, label="wanted of gists")
        _finish(plot, f"CGR@{horizon}, {NAMES[name]}", "tokens a position", list(rows["gist"]))
    figure.axes[-1].legend(fontsize="small")
    return figure


def _by_slots(settings: Mapping[str, SettingFigures]) -> "Figure":
    figure = blank_figure(len(settings))
    for plot, (name, found) in zip(figure.axes, settings.items(), strict=True):
        for horizon, row in found.slots.items():
            _draw(plot, row, f"{horizon} targets", fmt="o-")
        _finish(
            plot, f"CGR, {NAMES[name]}", "slots a block", list(next(iter(found.slots.values())))
        )
    figure.axes[-1].legend(fontsize="small")
    return figure


def _draw(plot: Any, row: Mapping[str, Interval], label: str, **style: str) -> None:
    mids = [100 * each.mid for each in row.values()]
    below = [100 * max(0.0, each.mid - each.low) for each in row.values()]
    above = [100 * max(0.0, each.high - each.mid) for each in row.values()]
    plot.errorbar(range(len(row)), mids, (below, above), label=label, capsize=3, **style)


def _finish(plot: Any, title: str, below: str, names: list[str]) -> None:
    plot.set_title(title, fontsize="medium")
    plot.set_xticks(range(len(names)), names)
    plot.set_xlabel(below)
    plot.set_ylabel("% of the context's worth")
    plot.axhline(0, color=BAR_COLOUR, linewidth=0.8)
    low, high = plot.get_ylim()
    plot.set_ylim(max(low, LOWEST), min(high, HIGHEST))
    plot.grid(axis="y", alpha=0.3)


def _horizon(found: SettingFigures) -> str:
    return HORIZON if HORIZON in found.cgr else next(iter(found.cgr))
