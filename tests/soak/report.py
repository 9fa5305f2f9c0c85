"""A run as a table for the terminal and as a page of documentation."""

from typing import Any

from rich.table import Table

from tests.benchmarks.bars import Bar, amount

COLOURS = {"met": "green", "missed": "red", "reported": "dim"}
TITLES = {
    "kill": "Writers that die, and disks that fail",
    "files": "Files that nobody would write",
    "messages": "Messages that no editor should send",
    "load": "Two readers and a writer",
    "edits": "Editing for long",
}
REMARKS = {
    "kill": (
        "Each point is an indexing process whose disk fails at one chosen write, under the level files and SQLite "
        "alike: it is killed before the write, in the middle of it, or with some sectors of it written; its power is "
        "lost, and of what was not synced any part arrives; there is no room, an error, or nothing but short writes. "
        "Then the memory is read as it was left, opened again, brought up to date and compared with an index from "
        "scratch, down to every row. In every fourth point the process that mends it meets a fault too."
    ),
    "files": (
        "Sources of all 15 grammars after accidents, splices of several languages, random bytes, broken encodings, "
        "deep nesting, long lines and mixed line ends. Each is cut and checked, then taken in with the tokenizer of "
        "pocket, verified, and compared with an index from scratch."
    ),
    "messages": (
        "To a real `megacontext lsp` with a repository open: broken JSON, strange headers, wrong lengths, wrong types, "
        "unknown methods, far positions, documents changed in no order, answers to nothing; a tenth of them before the "
        "handshake. Behind each, a hover has to be answered as before."
    ),
    "load": (
        "`megacontext watch` takes in ten edits a second, and two processes focus, search and read meanwhile. Every "
        "verbatim text is compared with what its file held at some moment of the time in which it was read."
    ),
    "edits": (
        "One process keeps a repository open as an editor does, without gists. Growth is the median of the last "
        "quarter against that of the second. The index on disk grows: token rows of old text are kept, so that an old "
        "branch costs nothing to go back to."
    ),
}
INTRODUCTION = """# Reliability

What may go wrong is done on purpose and often: nothing that was taken in is lost, and nothing false is shown. This
page is written by

```
make soak ARGS="--write docs/reliability.md"
```

(`make soak` prints the same table, keeps the figures under `artifacts/soak/`, and ends with an error when a bar is
missed.) Each part can be run alone, `make soak ARGS="kill files"`; `--quick` does a twentieth of the work, as CI does,
and `--minutes` says how long to edit. Everything is drawn from `--seed`. What is found is told with a command that
shows it again, such as `python -m tests.soak files --only --seed 2470`. A row without a bar is reported, not judged.
"""


def is_met(run: dict[str, Any]) -> bool:
    """Whether no bar is missed."""
    return all(bar["verdict"] != "missed" for result in run["results"] for bar in result["bars"])


def command(name: str) -> str:
    """How to run one part again."""
    return f"python -m tests.soak {name}"


def table(run: dict[str, Any]) -> Table:
    """For the terminal."""
    title = "Reliability" + " (quick)" * run["quick"]
    shown = Table(title=title, title_justify="left")
    for heading in ("part", "bar", "wanted", "measured", "verdict", "note"):
        shown.add_column(heading, justify="right" if heading == "measured" else "left")
    for result in run["results"]:
        shown.add_section()
        for place, bar in enumerate(map(Bar.from_json, result["bars"])):
            verdict = f"[{COLOURS[bar.verdict]}]{bar.verdict}[/]"
            name = result["name"] if not place else ""
            note = bar.note.replace("[", r"\[")
            shown.add_row(name, bar.name, bar.wanted, amount(bar.measured, bar.unit), verdict, note)
    return shown


def page(run: dict[str, Any]) -> str:
    """For the documentation, as Markdown."""
    facts = run["machine"]
    where = (
        f"Run on {facts['date'][:10]}: {facts['processor']}, {facts['cores']} cores, {facts['memory_gb']} GB of "
        f"memory, {facts['system']}; python {facts['python']}, sqlite {facts['sqlite']}.\n"
    )
    return "\n".join([INTRODUCTION, where, *map(_part, run["results"])])


def _part(result: dict[str, Any]) -> str:
    before, after = result["load"]
    lines = [
        f"## {TITLES[result['name']]}\n",
        f"{REMARKS[result['name']]}\n",
        f"`{command(result['name'])}` at commit {result['commit']}, {result['seconds']:.0f} s; load average {before} "
        f"before and {after} after.\n",
        "| | wanted | measured | verdict | |",
        "|---|---|---:|---|---|",
    ]
    for bar in map(Bar.from_json, result["bars"]):
        verdict = f"**{bar.verdict}**" if bar.verdict == "missed" else bar.verdict
        cells = bar.name, bar.wanted, amount(bar.measured, bar.unit), verdict, bar.note
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, ""])
