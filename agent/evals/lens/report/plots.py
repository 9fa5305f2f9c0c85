"""The plot of a report on a focus: regret and Spearman of every scorer."""

from typing import TYPE_CHECKING, Any

from ...reports import blank_figure
from ..task import LensReport
from .bars import REGRET, SPEARMAN
from .page import named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUBJECT_COLOUR, OTHER_COLOUR, BAR_COLOUR = "#1f5fbf", "#777777", "#b03a48"


def plots(report: LensReport) -> dict[str, "Figure"]:
    """Return the figures by name."""
    figure = blank_figure(2, height=1.5 + 0.35 * len(report.scorers))
    for plot, measure, wanted in zip(
        figure.axes, ("regret", "spearman"), (REGRET, SPEARMAN), strict=True
    ):
        _draw(plot, report, measure)
        plot.axvline(wanted, color=BAR_COLOUR, linestyle="--", linewidth=1, label="wanted")
        plot.set_title(measure, fontsize="medium")
        plot.grid(axis="x", alpha=0.3)
    figure.axes[1].set_yticklabels([])
    figure.axes[0].legend(fontsize="small")
    return {"scorers": figure}


def _draw(plot: Any, report: LensReport, measure: str) -> None:
    names = list(report.scorers)
    for place, name in enumerate(names):
        found = report.scorers[name][measure]
        colour = SUBJECT_COLOUR if name == report.subject else OTHER_COLOUR
        reach = [[max(0.0, found.mid - found.low)], [max(0.0, found.high - found.mid)]]
        plot.errorbar([found.mid], [place], xerr=reach, fmt="o", color=colour, capsize=3)
    plot.set_yticks(range(len(names)), [named(name) for name in names])
    plot.invert_yaxis()
