"""The figures that were kept: of benchmarks, soak, reports on models, evals. Reads JSON, judges nothing."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from megacontext.agent.evals.running.run_folder import ABOUT, FIGURES, Run, read_run
from megacontext.models.choosing.choose import pocket_folder
from megacontext.models.gist.files import CARD

from ..bars import Bar
from ..machine import ROOT

REPORTS = ROOT / "docs" / "reports"
EVALS = ROOT / "artifacts" / "evals"


@dataclass(frozen=True)
class Kept:
    """All of them; whatever is not there was not measured."""

    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of benchmarks, by name."""
    soak: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Of its parts, by name."""
    gist: Mapping[str, Any] | None = None
    """The newest report on the gists that ship."""
    lens: Mapping[str, Any] | None = None
    """The newest report on LensNet with these gists."""
    runs: tuple[Run, ...] = ()
    """Finished evals, the oldest first."""

    def bar(self, benchmark: str, name: str) -> Bar | None:
        """The row of a benchmark; None where it was not measured."""
        rows = self.results.get(benchmark, {}).get("bars", ())
        found = (Bar.from_json(row) for row in rows if row["name"] == name)
        return next(found, None)

    def run(self, suite: str, fits: Callable[[Run], bool] = lambda run: True) -> Run | None:
        """The newest finished run of a suite that fits."""
        found = (run for run in reversed(self.runs) if run.suite == suite and fits(run))
        return next(found, None)


def read_kept(
    results: Iterable[Mapping[str, Any]],
    reports: Path = REPORTS,
    evals: Iterable[Path] = (EVALS, REPORTS),
    encoder: str | None = None,
) -> Kept:
    """Figures of benchmarks, and with them what lies in the folders of reports and of evals.

    Only reports on the gists of `encoder` count (None: of those that ship).
    """
    encoder = encoder or shipped_encoder()
    return Kept(
        results={result["name"]: result for result in results},
        soak={
            result["name"]: result
            for file in sorted(reports.glob("soak*.json"))
            for result in results_in(_read(file))
        },
        gist=_newest(reports, "gist", encoder),
        lens=_newest(reports, "lens", encoder),
        runs=tuple(_runs(evals)),
    )


def results_in(kept: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The results of a kept file, which holds a run of several or one alone."""
    return [*kept["results"]] if "results" in kept else [kept]


def shipped_encoder() -> str:
    """The name of the gists that ship."""
    return str(_read(pocket_folder() / CARD)["encoder_id"])


def _newest(reports: Path, kind: str, encoder: str) -> Mapping[str, Any] | None:
    found = [_read(file) for file in sorted(reports.glob(f"{kind}_*.json"))]
    ours = [each for each in found if each.get("encoder_id") == encoder]
    return max(ours, key=lambda each: str(each["date"]), default=None)


def _runs(folders: Iterable[Path]) -> Iterator[Run]:
    """Stopped runs have no figures and do not count."""
    files = (file for folder in folders for file in folder.rglob(FIGURES))
    complete = (file.parent for file in files if (file.parent / ABOUT).is_file())
    runs = [read_run(folder) for folder in complete]
    yield from sorted(runs, key=lambda run: str(run.about["starts"][-1]["started"]))


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found
