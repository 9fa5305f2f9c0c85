"""The report on a GistNet as data: what was measured, against what is wanted of it. Measures nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from megacontext.models.evaluation.bootstrap import Interval
from megacontext.models.evaluation.ceiling import CeilingFigures
from megacontext.models.evaluation.gist_figures import GistFigures

PLAIN = "behind_tail"
"""The setting whose figures stand at the top of the JSON: the product's case."""
HORIZON = "64"
"""Targets that the bars are about."""
CGR_BARS = {"4x": 0.85, "8x": 0.75, "16x": 0.65, "32x": 0.50}
DELTA_NLL_BARS = {"8x": 0.05}
BEATEN = ("last_tokens", "mean_pooled")
"""Controls above which gists must be, intervals apart."""
CONTROL_NAMES = {
    "last_tokens": "last tokens",
    "mean_pooled": "mean-pooled embeddings",
    "shuffled": "gists of other text",
    "mixed": "mixed",
}
FROZEN = "frozen"
"""The arm in which the base was never trained along with its GistNet."""

Ceilings = dict[str, dict[str, CeilingFigures]]
"""By setting, then by ratio."""


@dataclass(frozen=True)
class Subject:
    """What was measured, and with what."""

    arm: str
    """`FROZEN`, or the name of another way in which base and GistNet were trained."""
    model: str
    base_id: str
    encoder_id: str
    trained: bool
    """False for a GistNet that was built from the base alone."""
    base_digest: str
    """Of every number of the base; the same after measuring as before."""
    date: date
    seed: int
    command: str
    """Measures all of it again."""
    seconds: float
    machine: Mapping[str, Any]
    provenance: Mapping[str, Any]
    """Commit and versions."""


@dataclass(frozen=True)
class GistReport:
    """Everything that a report holds."""

    subject: Subject
    figures: GistFigures
    ceiling: Ceilings
    """Empty where no slots were fitted."""
    ceiling_windows: int
    recall: Mapping[str, Any] | None = None
    """Of files and chunks by the gists above blocks."""
    notes: str | None = None
    """Markdown: what was tried."""


@dataclass(frozen=True)
class Verdict:
    """One bar and what came of it."""

    setting: str
    measure: str
    ratio: str
    wanted: str
    measured: Interval
    met: bool


def report_data(report: GistReport) -> dict[str, Any]:
    """Return all figures as the JSON of a report has them; intervals are [low, mid, high]."""
    settings = {name: asdict(each) for name, each in report.figures.settings.items()}
    plain = settings[PLAIN]
    data = {
        "kind": "gist",
        **asdict(report.subject),
        "date": report.subject.date.isoformat(),
        "layout": asdict(report.figures.layout),
        "windows": report.figures.passages,
        "clusters": report.figures.clusters,
        "cgr": plain["cgr"],
        "delta_nll": plain["delta_nll"],
        "controls": plain["controls"],
        "settings": settings,
        "verdicts": [asdict(each) for each in verdicts(report.figures)],
    }
    if report.ceiling:
        data["ceiling"] = {
            setting: {ratio: asdict(each) for ratio, each in ratios.items()}
            for setting, ratios in report.ceiling.items()
        }
        data["ceiling_windows"] = report.ceiling_windows
    return data if report.recall is None else {**data, "recall": report.recall}


def verdicts(figures: GistFigures) -> Iterator[Verdict]:
    """Hold the bars to figures; horizons that were not measured are left out."""
    for name, found in figures.settings.items():
        if HORIZON not in found.cgr:
            continue
        for ratio, measured in found.cgr[HORIZON].items():
            bar = CGR_BARS[ratio]
            wanted = f"≥ {100 * bar:.0f}"
            yield Verdict(name, "CGR", ratio, wanted, measured, measured.mid >= bar)
        for ratio, bar in DELTA_NLL_BARS.items():
            measured = found.delta_nll[HORIZON][ratio]
            wanted = f"≤ {100 * bar:.0f}"
            yield Verdict(name, "ΔNLL", ratio, wanted, measured, measured.mid <= bar)
        for control in BEATEN:
            other = found.controls[control]
            for ratio, measured in other.gist_minus[HORIZON].items():
                apart = found.cgr[HORIZON][ratio].above(other.cgr[HORIZON][ratio])
                measure = f"CGR − that of {CONTROL_NAMES[control]}"
                yield Verdict(name, measure, ratio, "> 0, apart", measured, apart)
