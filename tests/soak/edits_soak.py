"""Edits for an hour in a repository that stays open: nothing is missed, and memory and file handles stay as they are.

Files are written, renamed into place, moved and deleted, branches switched, buffers edited without being saved, and
questions focused. Growth is the median of the last quarter of the time against that of the second.
"""

import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from tests.benchmarks.bars import Bar, p50, p95, spread
from tests.benchmarks.corpora import commit_all, git
from tests.benchmarks.machine import ROOT
from tests.patience import LOOK_S, PATIENCE_S

from .project import Author, History, path_of, text_of
from .task import IN_MEMORY, Faults, Task

FILES = 200
PACE_S = 0.05
"""Between two edits."""
CHECKS = 24
"""How often everything is compared."""
SAMPLES = 400
GROWTH_MB = 25.0
BUFFERS = 5
"""Open at most."""


@dataclass
class Editor:
    """Somebody who edits for long, and whose editor is a process that is watched."""

    root: Path
    process: "subprocess.Popen[str]"
    author: Author
    chance: random.Random
    buffers: dict[str, str] = field(default_factory=dict)
    focus_ms: list[float] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    branch: str = "main"

    def ask(self, **what: Any) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the process has ended at {what}"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def edit(self) -> None:
        """One thing by chance."""
        acts: dict[Callable[[], object], int] = {
            self.author.edit: 60,
            self.type: 20,
            self.focus: 10,
            self.save: 6,
            self.move: 3,
            self.switch: 1,
        }
        act = self.chance.choices(list(acts), list(acts.values()))[0]
        act()
        self.done[act.__name__] += 1

    def type(self) -> None:
        """Change a buffer without saving it."""
        if len(self.buffers) < BUFFERS:
            number = self.chance.randrange(FILES)
            self.buffers.setdefault(path_of(number), text_of(number, self.chance.randrange(10**6)))
        path = self.chance.choice(list(self.buffers))
        at = self.chance.randrange(len(self.buffers[path]) + 1)
        added = f"# typed {self.chance.randrange(10**6)}\n"
        self.buffers[path] = self.buffers[path][:at] + added + self.buffers[path][at:]
        self.ask(do="hold", path=path, text=self.buffers[path])

    def save(self) -> None:
        """Write a buffer and close it."""
        if self.buffers:
            path = self.chance.choice(list(self.buffers))
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(self.buffers.pop(path), encoding="utf-8")
            self.ask(do="release", path=path)

    def focus(self) -> None:
        """Ask something."""
        number = self.chance.randrange(FILES)
        started = time.perf_counter()
        self.ask(do="focus", text=f"what has department {number} ordered as of version {number}")
        self.focus_ms.append((time.perf_counter() - started) * 1000)

    def move(self) -> None:
        """Move a folder away and, a moment later, back."""
        folder = self.root / f"part{self.chance.randrange(7)}"
        if not folder.is_dir():
            return
        away = folder.with_name(f"{folder.name}_moved")
        folder.rename(away)
        time.sleep(PACE_S)
        away.rename(folder)

    def switch(self) -> None:
        """Commit what there is, and go to the other branch."""
        commit_all(self.root)
        self.branch = "other" if self.branch == "main" else "main"
        git(self.root, "checkout", "-q", "-B" if not self.done["switch"] else "-f", self.branch)
        # What lies there now is what the author goes on from.
        self.author.look()

    def differing(self) -> tuple[list[str], list[str]]:
        """What memory does not hold as it is, after all the time it wants; and what the host complained of."""
        until = time.monotonic() + PATIENCE_S
        while True:
            answer = self.ask(do="differing")
            if not answer["paths"] or time.monotonic() > until:
                return answer["paths"], answer["troubles"]
            time.sleep(LOOK_S * 10)


@dataclass(frozen=True)
class Sample:
    """What the process takes at a moment."""

    rss_mb: float
    handles: int
    threads: int

    @classmethod
    def of(cls, process: psutil.Process) -> "Sample":
        with process.oneshot():
            rss = process.memory_info().rss / 1e6
            return cls(rss, process.num_fds(), process.num_threads())


def measure(task: Task) -> list[Bar]:
    with TemporaryDirectory(prefix="megacontext-", dir=IN_MEMORY) as folder:
        root = Path(folder) / "repository"
        author = Author(root, FILES, History(Path(folder) / "history"), task.seed)
        commit_all(root)
        with _hosted(task.command("tests.soak.hosted", str(root))) as process:
            editor = Editor(root, process, author, random.Random(task.seed))
            return _edit_for(editor, task)


def _edit_for(editor: Editor, task: Task) -> list[Bar]:
    faults, samples = Faults("edits"), list[Sample]()
    watched = psutil.Process(editor.process.pid)
    seconds = task.minutes * 60
    editor.differing()  # everything is taken in before time counts
    began = time.monotonic()
    checked = 0
    sizes = [_disk_mb(editor.root)]
    while (now := time.monotonic() - began) < seconds:
        editor.edit()
        if now > seconds * len(samples) / SAMPLES:
            samples.append(Sample.of(watched))
        if now > seconds * (checked + 1) / CHECKS:
            checked += 1
            paths, troubles = editor.differing()
            if paths or troubles:
                faults.add(
                    task.seed, f"after {now:.0f} s: {len(paths)} differ {paths[:3]}; {troubles[:3]}"
                )
        time.sleep(PACE_S)
    sizes.append(_disk_mb(editor.root))
    return [
        Bar("time of editing", task.minutes, "minutes"),
        *_bars(editor, samples, faults, checked, sizes),
    ]


@contextmanager
def _hosted(command: list[str]) -> Iterator["subprocess.Popen[str]"]:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=ROOT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _disk_mb(root: Path) -> float:
    files = [file for file in (root / ".megacontext").rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


def growth(values: list[float]) -> float:
    """The median of the last quarter against that of the second."""
    quarter = len(values) // 4
    return median(values[3 * quarter :]) - median(values[quarter : 2 * quarter])


def _bars(
    editor: Editor, samples: list[Sample], faults: Faults, checked: int, sizes: list[float]
) -> list[Bar]:
    rss = [sample.rss_mb for sample in samples]
    handles = [float(sample.handles) for sample in samples]
    threads = [float(sample.threads) for sample in samples]
    done = ", ".join(f"{count:,} × {name}" for name, count in editor.done.most_common())
    return [
        Bar("edits", editor.done.total(), at_least=1, note=done),
        faults.bar("times at which memory was not what the files are"),
        Bar("times at which everything was compared", checked, at_least=1),
        Bar("growth of memory", growth(rss), "MB", at_most=GROWTH_MB, note=spread(rss, "MB")),
        Bar("growth of file handles", growth(handles), at_most=1, note=spread(handles)),
        Bar("growth of threads", growth(threads), at_most=1, note=spread(threads)),
        Bar(
            "a refocus, p50",
            p50(editor.focus_ms or [0.0]),
            "ms",
            note=f"p95 {p95(editor.focus_ms or [0.0]):.0f} ms",
        ),
        Bar(
            "growth of the index on disk",
            sizes[1] - sizes[0],
            "MB",
            note=f"from {sizes[0]:.1f} MB; what is no longer so is kept",
        ),
    ]
