"""Focus in repositories of one and of eight million tokens: fresh questions and places, a warm process."""

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.agent.engine import Engine
from megacontext.agent.opening import Workplace
from megacontext.memory.focus import FocusQuery, Position, Span
from megacontext.models.language.tokenizing import TextTokenizer

from .bars import Bar, p50, p95, spread
from .corpora import SEED, repository

SMALL, LARGE = 1_000_000, 8_000_000
QUERIES = 120
WARM_UP = 8
COMMAND = str(Path(sys.executable).with_name("megacontext"))


@dataclass
class Subject:
    """One repository, open, with the queries that will be asked of it."""

    engine: Engine
    queries: list[FocusQuery]
    took: dict[str, list[float]] = field(default_factory=lambda: {"question": [], "place": []})
    cpu: list[float] = field(default_factory=list)

    @property
    def all(self) -> list[float]:
        return self.took["question"] + self.took["place"]


def measure(quick: bool) -> list[Bar]:
    share = 10 if quick else 1
    with TemporaryDirectory(prefix="megacontext-") as folder:
        subjects = [
            _open(Path(folder) / str(tokens), tokens // share, QUERIES // share)
            for tokens in (SMALL, LARGE)
        ]
        for number, pair in enumerate(zip(*(it.queries for it in subjects), strict=True)):
            for subject, query in zip(subjects, pair, strict=True):
                ask(subject, query, warm=number >= WARM_UP // share)
        facts = [_facts(subject) for subject in subjects]
        for subject in subjects:
            subject.engine.memory.close()
        cold = [_cold(subject) for subject in subjects]
    small, large = subjects
    return [
        Bar("focus at 1 M tokens, p50", p50(small.all), "ms", at_most=50, note=facts[0]),
        Bar("focus at 8 M tokens, p50", p50(large.all), "ms", note=facts[1]),
        Bar("8 M against 1 M, p50", p50(large.all) / p50(small.all), "×", at_most=2),
        Bar("focus at 1 M tokens, p95", p95(small.all), "ms", note=spread(small.all, "ms")),
        Bar("focus at 8 M tokens, p95", p95(large.all), "ms", note=spread(large.all, "ms")),
        *(
            Bar(f"focus at {name} tokens, processor time, p50", p50(subject.cpu), "ms")
            for name, subject in (("1 M", small), ("8 M", large))
        ),
        *(
            Bar(f"focus on a {kind} at {name}, p50", p50(subject.took[kind]), "ms")
            for name, subject in (("1 M", small), ("8 M", large))
            for kind in ("question", "place")
        ),
        Bar("megacontext focus, a new process, 1 M", cold[0], "s"),
        Bar("megacontext focus, a new process, 8 M", cold[1], "s"),
    ]


def _open(root: Path, tokens: int, queries: int) -> Subject:
    repository(root, tokens, TextTokenizer.load(Workplace.at().folder))
    return subject_of(root, queries)


def subject_of(root: Path, queries: int) -> Subject:
    """Open a repository, bring its index up to date, and draw so many queries, or as many as it has to offer."""
    workplace = Workplace.at(root)
    engine = Engine(workplace, workplace.open_memory(write=True))
    engine.refresh()
    questions, places = _questions(engine, queries // 2), _places(engine, queries // 2)
    mixed = [query for pair in zip(questions, places, strict=False) for query in pair]
    return Subject(engine, mixed)


def ask(subject: Subject, query: FocusQuery, *, warm: bool) -> None:
    """Focus once; what it took counts when it is `warm`."""
    cpu, started = time.process_time(), time.perf_counter()
    focused = subject.engine.focus(query)
    took = (time.perf_counter() - started) * 1000
    assert 0 < focused.total_cost <= query.budget
    if warm:
        subject.took["place" if query.at else "question"].append(took)
        subject.cpu.append((time.process_time() - cpu) * 1000)


def _questions(engine: Engine, count: int) -> list[FocusQuery]:
    """First lines of documentation: what a person says about code, each of another definition."""
    rows = engine.memory.db.execute(
        "SELECT DISTINCT doc FROM symbols WHERE length(doc) > 30 ORDER BY doc"
    ).fetchall()
    chosen = random.Random(SEED).sample([doc for (doc,) in rows], min(count, len(rows)))
    return [FocusQuery(text=doc, budget=engine.settings.focus.budget) for doc in chosen]


def _places(engine: Engine, count: int) -> list[FocusQuery]:
    """Cursors in the middle of files, with the text around them that a completion looks at."""
    rng = random.Random(SEED)
    files = [file for file in engine.memory.catalogue.files() if file.lines > 40]
    queries = []
    for file in rng.sample(files, min(count, len(files))):
        line = rng.randrange(20, file.lines - 10)
        lines = (engine.memory.read(file.path) or b"").decode("utf-8", "replace").split("\n")
        window = "\n".join(lines[line - 12 : line])[-400:] + "\n".join(lines[line : line + 6])[:200]
        shown = Span(file.path, max(1, line - 80), line + 25)
        queries.append(
            FocusQuery(
                at=Position(file.path, line),
                window=window,
                budget=engine.settings.complete.budget,
                exclude=(shown,),
            )
        )
    return queries


def _facts(subject: Subject) -> str:
    memory = subject.engine.memory
    counts = memory.catalogue.counts()
    return (
        f"{len(subject.all)} fresh queries; {memory.tokens:,} tokens, {counts['files']:,} files, "
        f"{counts['chunks']:,} chunks"
    )


def _cold(subject: Subject) -> float:
    """Wall time of the command in a new process, which also looks for changed files."""
    times = []
    for query in [query for query in subject.queries if query.text][:5]:
        root = str(subject.engine.workplace.places.root)
        started = time.perf_counter()
        command = [COMMAND, "focus", query.text, "--json", "--repo", root]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        times.append(time.perf_counter() - started)
        assert json.loads(done.stdout)["entries"]
    return p50(times)
