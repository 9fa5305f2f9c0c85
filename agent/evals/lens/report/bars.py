"""What is wanted of a LensNet, held against a report. Measures nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from megacontext.models.evaluation.bootstrap import Interval

from ..entrants import HINDSIGHT
from ..task import LensReport

REGRET, SPEARMAN = 0.20, 0.5
FLIPS = 0.25
"""Expansions and collapses for each block that the cursor moves."""
REFOCUS_MS = 20.0
"""For 2,048 entries, on two cores."""


@dataclass(frozen=True)
class Verdict:
    """One bar and what came of it."""

    measure: str
    wanted: str
    measured: Interval
    met: bool


def baselines(report: LensReport) -> dict[str, Mapping[str, Any]]:
    """The figures of all scorers but the subject, its ablations and the bound."""
    own = {report.subject, HINDSIGHT, *report.ablations}
    return {name: each for name, each in report.scorers.items() if name not in own}


def verdicts(report: LensReport) -> Iterator[Verdict]:
    """Hold the bars to the subject."""
    own = report.scorers[report.subject]
    others = baselines(report).values()
    regret, spearman = own["regret"], own["spearman"]
    yield Verdict("regret", f"≤ {REGRET:.2f}", regret, regret.mid <= REGRET)
    yield Verdict("Spearman", f"≥ {SPEARMAN:.2f}", spearman, spearman.mid >= SPEARMAN)
    least = min((each["regret"] for each in others), key=lambda each: each.mid)
    yield Verdict("regret of the best baseline", "apart", least, least.above(regret))
    best = max((each["spearman"] for each in others), key=lambda each: each.mid)
    yield Verdict("Spearman of the best baseline", "apart", best, spearman.above(best))
    flips, time = own.get("flips_per_block"), own.get("refocus_ms")
    if flips is not None:
        yield Verdict("actions a block", f"≤ {FLIPS:.2f}", flips, flips.mid <= FLIPS)
    if time is not None:
        wanted = f"≤ {REFOCUS_MS:.0f}"
        yield Verdict("ms a refocus", wanted, time, time.mid <= REFOCUS_MS)


def report_data(report: LensReport) -> dict[str, Any]:
    """All figures as the JSON of a report has them; intervals are [low, mid, high]."""
    own = report.scorers[report.subject]
    others = baselines(report)
    return {
        "kind": "lens",
        "date": report.date.isoformat(),
        **{name: own.get(name) for name in ("regret", "spearman", "flips_per_block", "refocus_ms")},
        "subject": report.subject,
        "figures": own,
        "baselines": others,
        "hindsight": report.scorers[HINDSIGHT],
        "ablations": {name: report.scorers[name] for name in report.ablations},
        "against": report.against,
        "oracle_nats": report.oracle,
        "helpful": report.helpful,
        "scenes": report.scenes,
        "files": report.files,
        "repositories": report.repositories,
        "entries_timed": report.entries,
        "settings": report.settings.model_dump(mode="json"),
        "base": report.base,
        "base_id": report.base_id,
        "encoder_id": report.encoder_id,
        "trained_gists": report.trained_gists,
        "command": report.command,
        "forwards": report.forwards,
        "seconds": report.seconds,
        "machine": report.machine,
        "provenance": report.provenance,
        "verdicts": [asdict(each) for each in verdicts(report)],
    }
