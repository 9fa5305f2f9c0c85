"""MegaContext beside what a user would pick instead: one repository, one set of questions, one budget, in turns.

Every tool runs in a process of its own over a copy of its own. What is found is judged by whether the definition that
was asked for is in the answer.
"""

import random
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from megacontext.models.choosing.choose import pocket_folder
from megacontext.models.evaluation.bootstrap import Bootstrap
from megacontext.models.language.tokenizing import TextTokenizer

from .bars import Bar, amount, p50, p95
from .corpora import SEED
from .rivals.answering import Answer
from .rivals.entrants import BUDGET, ENTRANTS, Entrant
from .rivals.process import Asked, RivalError
from .rivals.tasks import Task, edit, lay_down

QUESTIONS, EDITS, WARM_UP = 140, 20, 3
SMALL = 4
"""Packages of a quick run."""
ANSWERS, PATIENCE_S = 3, 5.0
"""An edit that is not in so many answers, over so many seconds, is not found."""


@dataclass
class Run:
    """One tool at work, and what it took."""

    entrant: Entrant
    root: Path
    home: Path
    asked: Asked | None = None
    failed: str = ""
    first_s: float = 0.0
    again_s: float = 0.0
    peak_mib: float = 0.0
    disk: int = 0
    answers: list[tuple[Task, Answer, float]] = field(default_factory=list)
    edits_s: list[float | None] = field(default_factory=list)

    def start(self) -> Asked:
        self.asked = Asked(self.entrant.command(self.root, self.home), self.home)
        return self.asked

    @property
    def running(self) -> Asked:
        assert self.asked is not None, "it was started"
        return self.asked

    def close(self) -> None:
        if self.asked is not None:
            self.asked.close()


def measure(quick: bool) -> list[Bar]:
    share = 10 if quick else 1
    with TemporaryDirectory(prefix="megacontext-") as folder, ExitStack() as closing:
        top = Path(folder)
        tasks = lay_down(top / "corpus", SMALL if quick else None, QUESTIONS // share)
        random.Random(SEED).shuffle(tasks)
        runs = [_copied(entrant, top, number) for number, entrant in enumerate(ENTRANTS)]
        for run in runs:
            closing.callback(run.close)
            _attempt(run, _from_nothing, tasks[0])
        for number, task in enumerate([*tasks[:WARM_UP], *tasks]):
            for run in _left(runs):
                _attempt(run, _ask, task, number >= WARM_UP)
        for number in range(EDITS // share):
            for run in _left(runs):
                path = tasks[number % len(tasks)].path
                _attempt(run, _edit, path, number)
        before = _size(top / "corpus")
        for run in _left(runs):
            _attempt(run, _end_and_return, tasks[0], before)
        return [*_facts(top / "corpus", tasks), *(bar for run in runs for bar in bars_of(run))]


def _copied(entrant: Entrant, top: Path, number: int) -> Run:
    root, home = top / f"repository-{number}", top / f"home-{number}"
    shutil.copytree(top / "corpus", root)
    home.mkdir()
    return Run(entrant, root, home)


def _left(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if not run.failed]


def _attempt(run: Run, step: Callable[..., None], *about: Any) -> None:
    """A tool that fails is out, with the reason in place of its figures; the others go on."""
    try:
        step(run, *about)
    except RivalError as exc:
        run.failed = str(exc)


def _from_nothing(run: Run, task: Task) -> None:
    run.entrant.command(
        run.root, run.home
    )  # what has to be installed is installed before the clock runs
    started = time.perf_counter()
    asked = run.start()
    with asked.watched() as peak:
        asked.ask(task.question)
        run.first_s = time.perf_counter() - started
        asked.ask(None)
    run.peak_mib = peak.mib


def _ask(run: Run, task: Task, warm: bool) -> None:
    answer, took = run.running.ask(task.question)
    if warm:
        run.answers.append((task, answer, took))


def _edit(run: Run, path: str, number: int) -> None:
    run.edits_s.append(_until_found(run, path, number))


def _until_found(run: Run, path: str, number: int) -> float | None:
    """Seconds from an edit until an answer shows it; None when none does."""
    task = edit(run.root, path, number)
    started, answers = time.perf_counter(), 0
    while answers < ANSWERS or time.perf_counter() - started < PATIENCE_S:
        answer, _ = run.running.ask(task.question)
        answers += 1
        if task.named(answer):
            return time.perf_counter() - started
    return None


def _end_and_return(run: Run, task: Task, before: int) -> None:
    run.peak_mib = max(run.peak_mib, run.running.largest())
    run.close()
    # The edits are a few kilobytes of what was not there before.
    run.disk = max(0, _size(run.root) - before) + _size(run.home)
    started = time.perf_counter()
    run.start().ask(task.question)
    run.again_s = time.perf_counter() - started


def _size(root: Path) -> int:
    """Bytes of all files but git's own."""
    files = (file for file in root.rglob("*") if ".git" not in file.parts and file.is_file())
    return sum(file.stat().st_size for file in files)


def _facts(root: Path, tasks: Sequence[Task]) -> list[Bar]:
    """What everything was measured on."""
    tokenizer = TextTokenizer.load(pocket_folder())
    texts = [file.read_text("utf-8", errors="replace") for file in root.rglob("*.py")]
    packages = ", ".join(sorted({task.package for task in tasks}))
    return [
        Bar(
            "tokens in the repository",
            sum(map(tokenizer.count, texts)),
            note=f"{len(texts):,} files; {packages}",
        ),
        Bar("questions", len(tasks)),
        Bar("tokens of an answer, at most", BUDGET),
    ]


MEASURES = (
    ("from nothing to the first answer", "s"),
    ("first answer of a new process, later", "s"),
    ("a question, p50", "ms"),
    ("a question, p95", "ms"),
    ("an edit is in an answer, p50", "ms"),
    ("edits that were in an answer", "%"),
    ("peak memory", "MiB"),
    ("on disk beside the code", "MB"),
    ("answers that name the definition", "%"),
    ("lines of the definition shown", "%"),
)


def bars_of(run: Run) -> list[Bar]:
    """Every measure, with its value or why there is none."""
    values = [(None, run.failed)] * len(MEASURES) if run.failed else _values(run)
    return [
        Bar(name, value, unit, note=note, of=run.entrant.name)
        for (name, unit), (value, note) in zip(MEASURES, values, strict=True)
    ]


def _values(run: Run) -> list[tuple[float | None, str]]:
    took = [1000 * seconds for _, _, seconds in run.answers]
    found = [1000 * seconds for seconds in run.edits_s if seconds is not None]
    named = [float(task.named(answer)) for task, answer, _ in run.answers]
    shown = [task.shown(answer) for task, answer, _ in run.answers]
    packages = [task.package for task, _, _ in run.answers]
    tokens = list(map(TextTokenizer.load(pocket_folder()).count, _texts(run)))
    return [
        (run.first_s, ""),
        (run.again_s, ""),
        (p50(took), ""),
        (p95(took), ""),
        (p50(found) if found else None, "" if found else "no edit was found"),
        (100 * len(found) / len(run.edits_s), f"of {len(run.edits_s)}"),
        (run.peak_mib, ""),
        (run.disk / 1e6, ""),
        (100 * float(np.mean(named)), _interval(named, packages)),
        (100 * float(np.mean(shown)), f"{_interval(shown, packages)}; {_used(tokens)}"),
    ]


def _texts(run: Run) -> list[str]:
    return [answer.text for _, answer, _ in run.answers]


def _interval(values: Sequence[float], packages: Sequence[str]) -> str:
    low, _, high = Bootstrap(packages).mean(np.array(values))
    return f"[{100 * low:.0f}, {100 * high:.0f}]"


def _used(tokens: Sequence[int]) -> str:
    return f"{amount(p50(tokens), '')} tokens, at most {max(tokens):,}"
