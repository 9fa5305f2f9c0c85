"""A run as a table for the terminal and as a page of documentation."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from .bars import Bar, amount
from .curves import Curve, curves
from .grids import curve_table, level_table, side_by_side

COLOURS = {"met": "green", "missed": "red", "reported": "dim", "not measured": "yellow"}
TITLES = {
    "index": "Indexing the standard library",
    "edit": "One edited file",
    "branch": "A branch switch",
    "focus": "Focus",
    "refocus": "A refocus by LensNet",
    "reuse": "A second turn",
    "startup": "Starting",
    "kill": "SIGKILL while indexing",
    "chat": "Turns of a conversation",
    "tui": "The terminal app",
    "lsp": "The language server",
    "acp": "The agent in editors",
    "mcp": "The memory in other agents",
    "packs": "Knowledge packs",
    "versions": "Versions of memory",
    "growth": "How it grows",
    "rivals": "Beside other tools",
}
REMARKS = {
    "index": (
        "Tokenizing alone already keeps every core busy, and an index pass does all of it and, on the same cores, "
        "parses the text and writes the catalogue. So on few cores the ratio in wall time tends to that in processor "
        "time; the last rows say what it is made of."
    ),
    "growth": (
        "The same in repositories of several sizes. *Grows as* is the power of the tokens that fits the points best: "
        "at 0 a figure stays as it is, at 1 it grows along with the repository. The index is made by a new process, "
        "whose start of about half a second counts. Edits are of files of median size, by a watcher, after its window; "
        "focus is asked fresh questions and places."
    ),
    "rivals": (
        "One repository of packages that nothing here was trained on; the questions are docstrings of its functions, "
        "which are gone from it. Every tool answers with at most the same number of tokens, in a process of its own "
        "over a copy of its own, question by question in turns. *Name*: the head of the definition that was asked for "
        "is in the answer. *Lines shown*: of its code. An edit puts a function and a call of it at the top of a file, "
        "and is asked for until an answer names it. Memory is that of the whole process, the Python around ripgrep and "
        "FTS5 included. Brackets hold 95 % intervals of a bootstrap over packages. The last column and bold figures "
        "say which tool is best at each; where intervals overlap, that may be chance."
    ),
}
GROWTH_IMAGE = "images/benchmarks-growth.png"
PER_TOKEN = "bytes a token"
INTRODUCTION = """# Benchmarks

What MegaContext promises, and what was measured. This page is written from kept figures by

```
python -m tests.benchmarks --keep
```

(`make bench` prints tables and keeps the figures under `artifacts/bench/`; `--keep` puts them among those of this page,
in `docs/reports/benchmarks.json`). Each part can be run alone, and
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
    at = "" if bar.at is None else f"{bar.at:,.0f} tokens"
    name = ": ".join(filter(None, (bar.of, at, bar.name)))
    return name, bar.wanted, amount(bar.measured, bar.unit), used


def _coloured(bar: Bar) -> str:
    return f"[{COLOURS[bar.verdict]}]{bar.verdict}[/]"


def page(run: Mapping[str, Any], head: str = "") -> str:
    """For the documentation, as Markdown: of parts that know their origin; `head` stands before them."""
    parts = [INTRODUCTION, _machine(run["machine"]), head, *map(_part, run["results"])]
    return "\n".join(filter(None, parts))


def _machine(facts: dict[str, Any]) -> str:
    versions = ", ".join(
        f"{name} {facts[name]}"
        for name in ("python", "sqlite", "tokenizers", "tree-sitter", "torch")
    )
    return (
        f"Last measured on {facts['date'][:10]}: {facts['processor']}, "
        f"{facts['cores']} cores, {facts['memory_gb']} GB of memory, {facts['system']}; {versions}.\n"
    )


def _part(result: dict[str, Any]) -> str:
    before, after = result["load"]
    remark = REMARKS.get(result["name"])
    bars = [*map(Bar.from_json, result["bars"])]
    lines = [
        f"## {TITLES[result['name']]}\n",
        *([f"{remark}\n"] if remark else []),
        f"`{command(result['name'])}` on {result['day']} at commit {result['commit']}, {result['seconds']:.0f} s; load "
        f"average {before} before and {after} after.\n",
        *_plain([bar for bar in bars if bar.at is None and not bar.of]),
        *_growth(curves(bars)),
        *_tools([bar for bar in bars if bar.of]),
    ]
    return "\n".join(lines)


def _plain(bars: Sequence[Bar]) -> list[str]:
    if not bars:
        return []
    lines = ["| | wanted | measured | used | verdict | |", "|---|---|---:|---:|---|---|"]
    for bar in bars:
        cells = (
            *_cells(bar),
            bar.verdict if bar.verdict in ("met", "reported") else f"**{bar.verdict}**",
        )
        lines.append(f"| {' | '.join((*cells, bar.note))} |")
    return [*lines, ""]


def drawn(found: Sequence[Curve]) -> list[Curve]:
    """The curves that are drawn; what is told per token hardly changes."""
    return [curve for curve in found if curve.unit != PER_TOKEN]


def _growth(found: Sequence[Curve]) -> list[str]:
    if not found:
        return []
    levels = [curve for curve in found if curve.unit == PER_TOKEN]
    return [
        f"![Time, memory and disk by tokens]({GROWTH_IMAGE})\n",
        f"{curve_table(drawn(found))}\n",
        *([f"### On disk, by level\n\n{level_table(levels)}\n"] if levels else []),
    ]


def _tools(bars: Sequence[Bar]) -> list[str]:
    if not bars:
        return []
    from .rivals.entrants import ENTRANTS

    told = [f"- **{entrant.name}**: {entrant.what}" for entrant in ENTRANTS]
    return ["\n".join(told) + "\n", side_by_side(bars), ""]
