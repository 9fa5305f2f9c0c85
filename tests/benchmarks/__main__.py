"""`python -m tests.benchmarks`: run the benchmarks, show a table, keep the figures as JSON.

Run it from the repository's root. A page of the documentation is made from the same figures.
"""

import argparse
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.console import Console

from .bars import Bar
from .keeping import KEPT, PAGE, keep, merged, read, write_page
from .machine import ROOT, describe, load_average
from .report import table

NAMES = (
    *("index", "edit", "branch", "focus", "refocus", "reuse", "chat", "startup", "kill"),
    *("tui", "lsp", "acp", "mcp", "packs", "versions"),
    *("growth", "rivals"),
)


def main() -> None:
    options = _options()
    console = Console(width=160 if not Console().is_terminal else None)
    kept = read(options.from_ or ())
    run = merged(kept, NAMES) if kept else _measured(options, console)
    console.print(table(run))
    if options.keep:
        whole = merged([*read([KEPT]), run], NAMES)
        keep(whole, KEPT)
        write_page(whole, PAGE)
        console.print(f"kept in {KEPT}, wrote {PAGE}")
    if options.write:
        write_page(run, options.write)
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
    parser.add_argument(
        "--keep", action="store_true", help="put the figures among those that the page is made of"
    )
    parser.add_argument(
        "--sizes",
        type=float,
        nargs="+",
        metavar="M",
        help="growth: million tokens of each repository (default: 0.1 1 8; the text here is enough for 12)",
    )
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if options.quick and options.keep:
        parser.error("rough figures are not kept; leave out --quick")
    if any(run["quick"] for run in read(options.from_ or ())) and options.keep:
        parser.error("these figures are rough ones of --quick and are not kept")
    return options


def _measured(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    run: dict[str, Any] = {"machine": describe(), "quick": options.quick, "results": []}
    started = datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S")
    path = options.json or ROOT / "artifacts" / "bench" / f"{started}.json"
    for name in options.names or NAMES:
        console.print(f"[dim]{name} …[/dim]")
        run["results"].append(_measure(name, options))
        keep(run, path)
    console.print(f"[dim]figures in {path}[/dim]")
    return run


def _measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    before, started = load_average(), time.perf_counter()
    more = {}
    if name == "growth" and options.sizes:
        more["sizes"] = [round(1e6 * size) for size in options.sizes]
    bars: list[Bar] = import_module(f"tests.benchmarks.{name}_bench").measure(options.quick, **more)
    return {
        "name": name,
        "load": [before, load_average()],
        "seconds": round(time.perf_counter() - started, 1),
        "bars": [bar.as_json() for bar in bars],
    }


main()
