"""Edits of files of median size in a repository of a million tokens, with a real watcher."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.agent.opening import Workplace
from megacontext.memory.ingest.gisting import Gisting
from megacontext.memory.memory import Memory
from megacontext.models.language.tokenizing import TextTokenizer

from .bars import Bar, p50, p95, spread
from .corpora import SEED, repository
from .machine import processor_s
from .watched import Watched, stopwatch

TOKENS = 1_000_000
EDITS = 100
WARM_UP = 5


@dataclass
class Measured:
    """Milliseconds of each edit."""

    window: list[float] = field(default_factory=list)
    """From the first event until the burst was over."""
    work: list[float] = field(default_factory=list)
    """From the write to the commit, less the window."""
    gists: list[float] = field(default_factory=list)
    """The same with the gists made."""
    cpu: list[float] = field(default_factory=list)
    """Processor time of all threads from the write to the commit."""


def measure(quick: bool) -> list[Bar]:
    with TemporaryDirectory(prefix="megacontext-") as folder:
        root = Path(folder) / "repository"
        tokenizer = TextTokenizer.load(Workplace.at().folder)
        workplace = Workplace.at(repository(root, TOKENS // (10 if quick else 1), tokenizer))
        full: list[float] = []
        with workplace.open_memory(write=True) as memory:
            with stopwatch(full):
                memory.writer.reconcile()
            gisting = gisting_of(workplace, memory)
            with stopwatch(full):
                made = gisting.run()
            window_s = workplace.settings.memory.debounce_ms / 1000
            chosen = median_files(memory, EDITS // (10 if quick else 1) + WARM_UP)
            with Watched(memory, window_s) as watched:
                plain = edit_all(watched, gisting, chosen, write)
                saved = edit_all(watched, gisting, chosen[: len(chosen) // 4], _save)
            facts = (
                f"{memory.tokens:,} tokens in {memory.catalogue.counts()['files']:,} files; "
                f"files of {min(_sizes(root, chosen)):,} to {max(_sizes(root, chosen)):,} bytes"
            )
    index_s, gists_s = full
    return [
        *_bars(plain, index_s, window_s * 1000, facts),
        Bar("an edit saved by a renamed file, p50", p50(saved.work), "ms", note=spread(saved.work)),
        Bar("full index of this repository", index_s, "s"),
        Bar("all its gists", gists_s, "s", note=f"{made.blocks:,} blocks"),
    ]


def _bars(took: Measured, index_s: float, window_ms: float, facts: str) -> list[Bar]:
    return [
        Bar("an edit after the window, p50", p50(took.work), "ms", at_most=20, note=facts),
        Bar(
            "an edit after the window, p95",
            p95(took.work),
            "ms",
            at_most=60,
            note=spread(took.work, "ms"),
        ),
        Bar("an edit, processor time, p50", p50(took.cpu), "ms", note=spread(took.cpu, "ms")),
        Bar(
            "the debounce window, p50",
            p50(took.window),
            "ms",
            at_most=50,
            note=f"set to {window_ms:.0f} ms; {spread(took.window, 'ms')}",
        ),
        Bar("an edit with its gists, p50", p50(took.gists), "ms", at_most=150),
        Bar("an edit with its gists, p95", p95(took.gists), "ms", note=spread(took.gists, "ms")),
        Bar("full index against one edit", index_s * 1000 / p50(took.work), "×", at_least=100),
    ]


def gisting_of(workplace: Workplace, memory: Memory) -> Gisting:
    """What makes the gists of a memory, with the model of its workplace."""
    from megacontext.models.gist.loading import gister_for
    from megacontext.models.language.loading import load_model

    assert workplace.choice is not None, "gists need a local model"
    return memory.gisting(gister_for(load_model(workplace.choice), workplace.folder))


def median_files(memory: Memory, count: int) -> list[str]:
    """The files nearest to the median size, in random order."""
    by_size = sorted(memory.catalogue.files(), key=lambda file: file.size)
    middle = len(by_size) // 2
    nearest = by_size[max(0, middle - count // 2) :][:count]
    paths = [file.path for file in nearest]
    random.Random(SEED).shuffle(paths)
    return paths


def edit_all(
    watched: Watched, gisting: Gisting, paths: list[str], write: Callable[[Path, str], None]
) -> Measured:
    """Edit files one after the other and wait for each; the first ones do not count."""
    took = Measured()
    for number, path in enumerate(paths):
        file = watched.memory.places.root / path
        changed = _edited(file.read_text(encoding="utf-8", errors="replace"), number)
        cpu, started = processor_s(), time.monotonic()
        write(file, changed)
        arrival = watched.next()
        gist_start = time.monotonic()
        gisting.run()
        gist_ms = (time.monotonic() - gist_start) * 1000
        _check(watched.memory, path, changed)
        if number >= WARM_UP:
            window = arrival.batch.window_s * 1000
            work = (arrival.at - started) * 1000 - window
            took.window.append(window)
            took.cpu.append((arrival.cpu - cpu) * 1000)
            took.work.append(work)
            took.gists.append(work + gist_ms)
    return took


def _edited(text: str, number: int) -> str:
    """One new line in the middle of the file, as somebody writes it."""
    lines = text.splitlines(keepends=True)
    middle = len(lines) // 2
    above = lines[middle - 1] if middle else ""
    indent = above[: len(above) - len(above.lstrip(" "))]
    return "".join(
        [*lines[:middle], f"{indent}edited_value_{number} = {number}\n", *lines[middle:]]
    )


def write(file: Path, text: str) -> None:
    """As an editor does that writes into the file."""
    file.write_text(text, encoding="utf-8")


def _save(file: Path, text: str) -> None:
    beside = file.with_name(f".{file.name}.new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)


def _check(memory: Memory, path: str, text: str) -> None:
    """What memory says of the file is what the file says, and all of it has gists."""
    record = memory.catalogue.file(path)
    assert record is not None
    chunks = memory.catalogue.chunks_of(record.id)
    assert "".join(memory.text_of(chunk) or "" for chunk in chunks) == text
    assert memory.has_all_gists()


def _sizes(root: Path, paths: list[str]) -> list[int]:
    return [(root / path).stat().st_size for path in paths]
