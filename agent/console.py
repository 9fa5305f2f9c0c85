"""Output of the command line: text for people, JSON for programs, progress for whoever waits. Knows no engine."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from megacontext.memory.ingest.report import OnProgress, Progress

STAGES = {"files": "reading files", "gists": "making gists"}


def print_json(data: Any) -> None:
    """One JSON value on one line of standard output; text that is no UTF-8 is escaped."""
    sys.stdout.write(json.dumps(data, ensure_ascii=True) + "\n")
    sys.stdout.flush()


def write(text: str) -> None:
    """Text to standard output at once: as it is, but for what could drive a terminal."""
    sys.stdout.write(printable(text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def say(text: str = "") -> None:
    """A line for a person on standard output."""
    write(printable(text) + "\n")


def note(text: str) -> None:
    """A line beside the result, on standard error."""
    sys.stderr.write(printable(text) + "\n")


def printable(text: str) -> str:
    """Without the control characters with which a file's name or text could drive a terminal."""
    return "".join(
        char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for char in text
    )


@contextmanager
def progress_bar(shown: bool) -> Iterator["OnProgress"]:
    """A bar on standard error, a terminal permitting; gone when the work is done."""
    if not shown or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(progress: "Progress") -> None:
            if progress.stage not in tasks:
                tasks[progress.stage] = bars.add_task(STAGES.get(progress.stage, progress.stage))
            bars.update(tasks[progress.stage], completed=progress.done, total=progress.total)

        yield show


def human_bytes(size: int) -> str:
    """A size in bytes, as people read it."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError("the last unit has no end")
