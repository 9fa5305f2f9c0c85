"""Ten thousand files changed by a real `git checkout` while a watcher runs, and back again."""

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from megacontext.agent.opening import Workplace
from megacontext.memory.freshness import compare
from megacontext.memory.ingest.reading import FileText, read_file
from megacontext.memory.memory import Memory
from megacontext.memory.places import Places
from megacontext.memory.tree.store import TreeSpec
from megacontext.models.language.tokenizing import TextTokenizer

from .bars import Bar
from .corpora import commit_all, git, slices
from .machine import processor_s
from .watched import Watched

FILES = 10_100
"""Some are left out: pieces of files that call themselves generated, or hold what looks like a key."""
WIDTH = 4


class CountingGister:
    """Gists of zeros: here only their number counts."""

    def __init__(self) -> None:
        self.rows = 0

    def encode_blocks(
        self, tokens: NDArray[np.int64], lengths: NDArray[np.int64]
    ) -> NDArray[np.uint16]:
        return self.encode_children(np.empty((0,), np.uint16), lengths)

    def encode_children(
        self, children: NDArray[np.uint16], lengths: NDArray[np.int64]
    ) -> NDArray[np.uint16]:
        self.rows += len(lengths)
        return np.zeros((len(lengths), 1, WIDTH), np.uint16)


@dataclass(frozen=True)
class Elsewhere(Places):
    """The same files with their index in another folder."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder


@dataclass(frozen=True)
class Switch:
    """What a switch took."""

    cpu: float
    wall: float
    """From the end of the checkout to the last commit."""
    changed: int
    batches: int
    tokenized: int
    gists: int
    stale: int
    """Files whose memory is not what is on disk."""


def measure(quick: bool) -> list[Bar]:
    with TemporaryDirectory(prefix="megacontext-") as folder:
        root = Path(folder) / "repository"
        paths = _two_branches(root, FILES // (10 if quick else 1))
        workplace = Workplace.at(root)
        tokenizer = TextTokenizer.load(workplace.folder)
        gister = CountingGister()
        window_s = workplace.settings.memory.debounce_ms / 1000
        with _open(workplace, tokenizer, workplace.places) as memory:
            memory.writer.reconcile()
            memory.gisting(gister).run()
            paths = [path for path in paths if memory.writer.knows(path)]
            with Watched(memory, window_s) as watched:
                there = _switch(watched, gister, "other", paths)
                scratch = _scratch(workplace, tokenizer, Path(folder) / "scratch", memory)
                back = _switch(watched, gister, "main", paths)
                again = _switch(watched, gister, "other", paths)
    return _bars(len(paths), there, back, again, scratch)


def _bars(
    count: int, there: Switch, back: Switch, again: Switch, scratch: tuple[float, float]
) -> list[Bar]:
    cpu, wall = scratch
    note = (
        f"{there.changed:,} files in {there.batches} batches; {there.cpu:.1f} s against {cpu:.1f} s"
    )
    return [
        Bar("files changed by the switch", there.changed, "", at_least=count),
        Bar(
            "files that memory missed or holds stale",
            there.stale + back.stale + again.stale,
            at_most=0,
            note="over three switches",
        ),
        Bar(
            "switch against indexing these files, processor time",
            there.cpu / cpu,
            "×",
            at_most=1.2,
            note=note,
        ),
        Bar("the same in wall time after the checkout", there.wall / wall, "×"),
        Bar("tokens tokenized when switching back", back.tokenized + again.tokenized, at_most=0),
        Bar("gists made when switching back", back.gists + again.gists, at_most=0),
        Bar(
            "switching back, processor time", back.cpu, "s", note=f"{back.wall:.1f} s of wall time"
        ),
    ]


def _two_branches(root: Path, count: int) -> list[str]:
    """The paths of `count` files, every one of them different on the branch `other`."""
    pieces = list(slices(count + 1))
    files = {f"part{at // 100:03}/module{at:05}.py": piece for at, piece in enumerate(pieces[:-1])}
    _write(root, files)
    commit_all(root)
    git(root, "checkout", "-q", "-b", "other")
    edits = (_line_inside, _function_below, _other_words)
    _write(root, {path: edits[at % 3](text, at) for at, (path, text) in enumerate(files.items())})
    commit_all(root)
    git(root, "checkout", "-q", "main")
    return list(files)


def _write(root: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _line_inside(text: str, number: int) -> str:
    lines = text.splitlines(keepends=True)
    middle = len(lines) // 2
    return "".join([*lines[:middle], f"# changed on this branch: {number}\n", *lines[middle:]])


def _function_below(text: str, number: int) -> str:
    return f"{text}\n\ndef added_{number}(value):\n    return value + {number}\n"


def _other_words(text: str, number: int) -> str:
    words = text.replace("self", f"this{number}").replace("return ", f"return {number} or ")
    return f"# on another branch: {number}\n{words}"


def _open(workplace: Workplace, tokenizer: TextTokenizer, places: Places) -> Memory:
    spec = TreeSpec("counted", "00" * 16, width=WIDTH, slots=1)
    return Memory.open(places, spec, tokenizer, workplace.rules(), write=True)


def _switch(watched: Watched, gister: CountingGister, branch: str, paths: list[str]) -> Switch:
    memory = watched.memory
    cpu, gists = processor_s(), gister.rows
    git(memory.places.root, "checkout", "-q", branch)
    checked_out = time.monotonic()
    arrivals = watched.until(paths)
    reports = [arrival.batch.report for arrival in arrivals]
    memory.gisting(gister).run()
    return Switch(
        cpu=arrivals[-1].cpu - cpu,
        wall=arrivals[-1].at - checked_out,
        changed=len({path for report in reports for path in (*report.added, *report.changed)}),
        batches=len(arrivals),
        tokenized=sum(report.tokenized for report in reports),
        gists=gister.rows - gists,
        stale=_stale(memory),
    )


def _stale(memory: Memory) -> int:
    """Files that differ from memory, by content and not by time stamp; missing and superfluous ones too."""
    root = memory.places.root
    known = {file.path: file.digest for file in memory.catalogue.files()}
    listed = compare(root, memory.catalogue, memory.rules).listing.paths
    # What the rules leave out now belongs in no memory.
    read = (read_file(root, path, memory.rules) for path in listed)
    there = {found.path: found.digest for found in read if isinstance(found, FileText)}
    return len(dict(there.items() ^ known.items()))


def _scratch(
    workplace: Workplace, tokenizer: TextTokenizer, folder: Path, watched: Memory
) -> tuple[float, float]:
    """Processor and wall time of indexing the same files from nothing; the root must be the same."""
    with _open(workplace, tokenizer, Elsewhere(workplace.places.root, folder)) as memory:
        cpu, wall = processor_s(), time.perf_counter()
        memory.writer.reconcile()
        took = processor_s() - cpu, time.perf_counter() - wall
        assert memory.root_key == watched.root_key
    return took
