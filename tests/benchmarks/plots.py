"""Curves as pictures. Knows no benchmark."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from megacontext.agent.evals.reports import DOTS_PER_INCH, blank_figure

from .curves import Curve

WIDTH, HEIGHT = 4.2, 4.4
"""Inches of one panel."""


def draw(curves: Sequence[Curve], file: Path) -> None:
    """One panel for each unit, both axes logarithmic: a straight line is a power of the tokens."""
    units = list(dict.fromkeys(curve.unit for curve in curves))
    figure = blank_figure(len(units), width=WIDTH * len(units), height=HEIGHT)
    for panel, unit in zip(figure.axes, units, strict=True):
        for curve in (each for each in curves if each.unit == unit and each.points):
            _line(panel, curve)
        panel.set_xscale("log")
        panel.set_yscale("log")
        panel.set_xlabel("tokens in the repository")
        panel.set_ylabel(unit)
        panel.grid(which="both", alpha=0.25)
        panel.legend(fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=DOTS_PER_INCH, metadata={"Software": None})


def _line(panel: Any, curve: Curve) -> None:
    tokens, values = zip(*curve.points, strict=True)
    slope = "" if curve.slope is None else f"  (tokens^{curve.slope:.2f})"
    panel.plot(tokens, values, marker="o", linewidth=1.5, label=f"{curve.name}{slope}")
