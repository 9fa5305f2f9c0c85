"""Figures that stay with the documentation, and the page that is made of them. Measures nothing."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .bars import Bar
from .curves import curves
from .machine import ROOT
from .plots import draw
from .promised.every import rows
from .promised.kept import read_kept
from .promised.page import section
from .report import GROWTH_IMAGE, drawn, page

KEPT = ROOT / "docs" / "reports" / "benchmarks.json"
PAGE = ROOT / "docs" / "benchmarks.md"
Run = Mapping[str, Any]


def merged(runs: Sequence[Run], names: Sequence[str]) -> dict[str, Any]:
    """Several runs as one, in the order of `names`; of a benchmark that is in several, the last one.

    Each part keeps its commit and its day.
    """
    results = {
        result["name"]: {**_origin(run), **result} for run in runs for result in run["results"]
    }
    ordered = [results[name] for name in names if name in results]
    return {**runs[-1], "quick": any(run["quick"] for run in runs), "results": ordered}


def _origin(run: Run) -> dict[str, str]:
    return {"commit": run["machine"]["commit"], "day": run["machine"]["date"][:10]}


def read(files: Iterable[Path]) -> list[dict[str, Any]]:
    """Kept runs; a file that is not there holds none."""
    return [json.loads(file.read_text(encoding="utf-8")) for file in files if file.exists()]


def keep(run: Run, file: Path) -> None:
    """Write a run as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")


def write_page(run: Run, file: Path) -> None:
    """The page, and the picture that it shows. Rough figures meet no bar."""
    head = section(rows(read_kept([] if run["quick"] else run["results"])))
    file.write_text(page(merged([run], [each["name"] for each in run["results"]]), head), "utf-8")
    for result in run["results"]:
        if found := drawn(curves(map(Bar.from_json, result["bars"]))):
            draw(found, file.parent / GROWTH_IMAGE)
