"""`python -m tests.benchmarks`: run the benchmarks, show a table, keep the figures as JSON.

Run it from the repository's root. A page of the documentation is made from the same figures.
"""

import argparse
import json
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from .bars import Bar
from .machine import ROOT, describe, load_average
from .report import page, table

NAMES = (
    *("index", "edit", "branch", "focus", "reuse", "chat", "startup", "kill"),
    *("tui", "lsp", "acp", "mcp", "packs"),
)


def main() -> None:
    options = _options()
    console = Console(width=160 if not Console().is_terminal else None)
    run = _recorded(options.from_) if options.from_ else _measured(options, console)
    console.print(table(run))
    if options.write:
        options.write.write_text(page(run), encoding="utf-8")
        console.print(f"wrote {options.write}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work, rough figures")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    parser.add_argument("--write", type=Path, help="also write the page of documentation here")
    parser.add_argument(
        "--from", dest="from_", type=Path, nargs="+", help="measure nothing: take kept figures"
    )
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return options


def _measured(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    run: dict[str, Any] = {"machine": describe(), "quick": options.quick, "results": []}
    started = datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S")
    path = options.json or ROOT / "artifacts" / "bench" / f"{started}.json"
    for name in options.names or NAMES:
        console.print(f"[dim]{name} …[/dim]")
        run["results"].append(_measure(name, options.quick))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(run, indent=2) + "\n", encoding="utf-8")
    console.print(f"[dim]figures in {path}[/dim]")
    return run


def _measure(name: str, quick: bool) -> dict[str, Any]:
    before, started = load_average(), time.perf_counter()
    bars: list[Bar] = import_module(f"tests.benchmarks.{name}_bench").measure(quick)
    return {
        "name": name,
        "load": [before, load_average()],
        "seconds": round(time.perf_counter() - started, 1),
        "bars": [bar.as_json() for bar in bars],
    }


def _recorded(paths: list[Path]) -> dict[str, Any]:
    """Kept figures as one run; of a benchmark that is in several files, the last one."""
    runs = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    results = {
        result["name"]: {"commit": run["machine"]["commit"], **result}
        for run in runs
        for result in run["results"]
    }
    ordered = [results[name] for name in NAMES if name in results]
    return {**runs[-1], "quick": any(run["quick"] for run in runs), "results": ordered}


main()
