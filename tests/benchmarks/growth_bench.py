"""How time, memory and disk grow with the repository: the same measured at several sizes, in one run.

A figure at one size is a point; `curves.py` says how they grow.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.agent.opening import Workplace
from megacontext.memory.memory import Memory
from megacontext.models.language.tokenizing import TextTokenizer

from .bars import Bar, p50, p95, spread
from .corpora import repository
from .edit_bench import WARM_UP as FIRST_EDITS
from .edit_bench import edit_all, gisting_of, median_files, write
from .focus_bench import WARM_UP as FIRST_QUERIES
from .focus_bench import Subject, ask, subject_of
from .index_bench import index_and_peak
from .watched import Watched, stopwatch

SIZES = (100_000, 1_000_000, 8_000_000)
SMALLEST = 50_000
"""Tokens; fewer are too few files to edit."""
QUERIES, EDITS = 80, 40
PER_TOKEN = "bytes a token"
COARSE = 4
"""From this level on there is next to nothing: it is told in one figure."""


def measure(quick: bool, sizes: Sequence[int] = SIZES) -> list[Bar]:
    share = 10 if quick else 1
    found: list[Bar] = []
    for tokens in sizes:
        with TemporaryDirectory(prefix="megacontext-") as folder:
            root = Path(folder) / "repository"
            tokenizer = TextTokenizer.load(Workplace.at().folder)
            repository(root, max(SMALLEST, tokens // share), tokenizer)
            found += _at_one_size(root)
    return found


def _at_one_size(root: Path) -> Iterator[Bar]:
    index_s, peak = index_and_peak(root)
    subject = subject_of(root, QUERIES)
    engine, memory = subject.engine, subject.engine.memory
    at = float(memory.tokens)
    with memory:
        facts = f"{memory.catalogue.counts()['files']:,} files"
        yield Bar("index", index_s, "s", note=facts, at=at)
        yield from _focused(subject, at)
        yield Bar("on disk without gists", _megabytes(memory), "MB", at=at)
        gists_s: list[float] = []
        gisting = gisting_of(engine.workplace, memory)
        with stopwatch(gists_s):
            gisting.run()
        yield Bar("all gists", gists_s[0], "s", at=at)
        yield Bar("on disk", _megabytes(memory), "MB", at=at)
        yield from _levels(memory, at)
        window_s = engine.settings.memory.debounce_ms / 1000
        with Watched(memory, window_s) as watched:
            took = edit_all(watched, gisting, median_files(memory, EDITS + FIRST_EDITS), write)
        yield Bar("an edit, p50", p50(took.work), "ms", note=spread(took.work, "ms"), at=at)
        yield Bar("an edit with its gists, p50", p50(took.gists), "ms", at=at)
        yield Bar("peak memory of indexing", peak, "MiB", at=at)


def _focused(subject: Subject, at: float) -> Iterator[Bar]:
    for number, query in enumerate(subject.queries):
        ask(subject, query, warm=number >= min(FIRST_QUERIES, len(subject.queries) // 2))
    yield Bar("focus, p50", p50(subject.all), "ms", note=spread(subject.all, "ms"), at=at)
    yield Bar("focus, p95", p95(subject.all), "ms", at=at)


def _megabytes(memory: Memory) -> float:
    return sum(memory.disk_bytes().values()) / 1e6


def _levels(memory: Memory, at: float) -> Iterator[Bar]:
    """What each level takes on disk, and the text itself for comparison."""
    levels: dict[str, int] = defaultdict(int)
    for name, size in sorted(memory.disk_bytes().items(), key=lambda item: (len(item[0]), item[0])):
        coarse = name.startswith("L") and int(name[1:]) >= COARSE
        levels[f"L{COARSE} and above" if coarse else name] += size
    levels["all of it"] = sum(levels.values())
    levels["the text itself"] = sum(file.size for file in memory.catalogue.files())
    for name, size in levels.items():
        yield Bar(name, size / memory.tokens, PER_TOKEN, at=at)
