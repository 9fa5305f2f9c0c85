"""`python -m tests.soak`: let go wrong what may, show a table, keep the figures as JSON.

Run it from the repository's root. It ends with 1 when a bar is missed. A page of the documentation is made from the
same figures.
"""

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.benchmarks.bars import Bar
from tests.benchmarks.machine import ROOT, describe, load_average

from .report import TITLES, is_met, page, table
from .task import QUICK_MINUTES, Task

NAMES = tuple(TITLES)


def main() -> None:
    options = _options()
    console = Console(width=160 if not Console().is_terminal else None)
    run = _recorded(options.from_) if options.from_ else _done(options, console)
    console.print(table(run))
    if options.write:
        options.write.write_text(page(run), encoding="utf-8")
        console.print(f"wrote {options.write}")
    sys.exit(0 if is_met(run) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the work")
    parser.add_argument("--minutes", type=float, help="how long to edit (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="where chance begins (default: 0)")
    parser.add_argument("--only", action="store_true", help="try this seed alone, as was told")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    parser.add_argument("--write", type=Path, help="also write the page of documentation here")
    parser.add_argument(
        "--from", dest="from_", type=Path, nargs="+", help="do nothing: take kept figures"
    )
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no part {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return options


def _done(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    minutes = options.minutes or (QUICK_MINUTES if options.quick else 60.0)
    task = Task(options.quick, minutes, options.seed, options.only)
    run: dict[str, Any] = {"machine": describe(), "quick": options.quick, "results": []}
    started = datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S")
    path = options.json or ROOT / "artifacts" / "soak" / f"{started}.json"
    for name in options.names or NAMES:
        console.print(f"[dim]{name} …[/dim]")
        run["results"].append(_do(name, task))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    console.print(f"[dim]figures in {path}[/dim]")
    return run


def _do(name: str, task: Task) -> dict[str, Any]:
    before, started = load_average(), time.perf_counter()
    bars: list[Bar] = import_module(f"tests.soak.{name}_soak").measure(task)
    return {
        "name": name,
        "commit": describe()["commit"],
        "load": [before, load_average()],
        "seconds": round(time.perf_counter() - started, 1),
        "bars": [bar.as_json() for bar in bars],
    }


def _recorded(paths: list[Path]) -> dict[str, Any]:
    """Kept figures as one run; of a part that is in several files, the last one."""
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    results = {result["name"]: result for run in runs for result in run["results"]}
    ordered = [results[name] for name in NAMES if name in results]
    return {**runs[-1], "quick": any(run["quick"] for run in runs), "results": ordered}


if __name__ == "__main__":
    main()
