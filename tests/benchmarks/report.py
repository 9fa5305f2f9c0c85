"""A run as a table for the terminal and as a page of documentation."""

from typing import Any

from rich.table import Table

from .bars import Bar, amount

COLOURS = {"met": "green", "missed": "red", "reported": "dim"}
TITLES = {
    "index": "Indexing the standard library",
    "edit": "One edited file",
    "branch": "A branch switch",
    "focus": "Focus",
    "reuse": "A second turn",
    "startup": "Starting",
    "kill": "SIGKILL while indexing",
    "chat": "Turns of a conversation",
    "tui": "The terminal app",
    "lsp": "The language server",
    "acp": "The agent in editors",
    "mcp": "The memory in other agents",
    "packs": "Knowledge packs",
}
REMARKS = {
    "index": (
        "Tokenizing alone already keeps every core busy, and an index pass does all of it and, on the same cores, "
        "parses the text and writes the catalogue. So on few cores the ratio in wall time tends to that in processor "
        "time; the last rows say what it is made of."
    ),
}
INTRODUCTION = """# Benchmarks

What MegaContext promises about speed and thrift, and what was measured. This page is written by

```
python -m tests.benchmarks --write docs/benchmarks.md
```

(`make bench` prints the same table and keeps the figures under `artifacts/bench/`). Each part can be run alone, and
`--quick` does a tenth of the work. Ratios compare two things that were measured in one run, in turns; where a figure
is a median, its note gives the smallest and the largest value and how many there are. A row without a bar is
reported, not judged. `used` is the share of the bar that is used up: 1 is just met.
"""


def command(name: str) -> str:
    """How to measure one part again."""
    return f"python -m tests.benchmarks {name}"


def table(run: dict[str, Any]) -> Table:
    """For the terminal."""
    shown = Table(title="Benchmarks" + " (quick)" * run["quick"], title_justify="left")
    for heading in ("bar", "wanted", "measured", "used", "verdict", "again with"):
        shown.add_column(heading, justify="right" if heading in ("measured", "used") else "left")
    for result in run["results"]:
        shown.add_section()
        for place, bar in enumerate(map(Bar.from_json, result["bars"])):
            again = command(result["name"]) if not place else ""
            shown.add_row(*_cells(bar), _coloured(bar), again)
    return shown


def _cells(bar: Bar) -> tuple[str, str, str, str]:
    used = "" if bar.ratio is None else f"{bar.ratio:.2f}"
    return bar.name, bar.wanted, amount(bar.measured, bar.unit), used


def _coloured(bar: Bar) -> str:
    return f"[{COLOURS[bar.verdict]}]{bar.verdict}[/]"


def page(run: dict[str, Any]) -> str:
    """For the documentation, as Markdown."""
    commit = run["machine"]["commit"]
    results = [{"commit": commit, **result} for result in run["results"]]
    parts = [INTRODUCTION, _machine(run["machine"]), *map(_part, results)]
    return "\n".join(parts)


def _machine(facts: dict[str, Any]) -> str:
    versions = ", ".join(
        f"{name} {facts[name]}"
        for name in ("python", "sqlite", "tokenizers", "tree-sitter", "torch")
    )
    return (
        f"Measured on {facts['date'][:10]}: {facts['processor']}, "
        f"{facts['cores']} cores, {facts['memory_gb']} GB of memory, {facts['system']}; {versions}.\n"
    )


def _part(result: dict[str, Any]) -> str:
    before, after = result["load"]
    remark = REMARKS.get(result["name"])
    lines = [
        f"## {TITLES[result['name']]}\n",
        *([f"{remark}\n"] if remark else []),
        f"`{command(result['name'])}` at commit {result['commit']}, {result['seconds']:.0f} s; load average {before} "
        f"before and {after} after.\n",
        "| | wanted | measured | used | verdict | |",
        "|---|---|---:|---:|---|---|",
    ]
    for bar in map(Bar.from_json, result["bars"]):
        cells = (*_cells(bar), f"**{bar.verdict}**" if bar.verdict == "missed" else bar.verdict)
        lines.append(f"| {' | '.join((*cells, bar.note))} |")
    return "\n".join([*lines, ""])
