"""Versions of large repositories: what it costs to compare two, to change one, and to bring two together."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.agent.opening import Workplace
from megacontext.memory.versions.bundles import bundle
from megacontext.memory.versions.cutting import cuts
from megacontext.memory.versions.merging import Labels, Merger
from megacontext.memory.versions.objects import Objects
from megacontext.memory.versions.snapshots import Snapshot, Snapshots
from megacontext.memory.versions.trees import Trees
from megacontext.models.language.tokenizing import TextTokenizer

from .bars import Bar, p50, spread
from .corpora import SEED, python_files

SIZES = 1_000_000, 10_000_000
QUICK_SIZES = 200_000, 1_000_000
DIFFERENCES = 1, 10, 100, 1_000
ROUNDS = 15
LINE = b"# one line more\n"


@dataclass
class Kept:
    """A repository of real text as one snapshot in a store of its own."""

    objects: Objects
    root: bytes
    tokens: int
    files: dict[str, bytes]
    save_s: float
    size: int
    """Bytes on disk."""
    rng: random.Random = field(default_factory=lambda: random.Random(SEED))

    @property
    def trees(self) -> Trees:
        return Trees(self.objects)

    def drawn(self, count: int) -> list[str]:
        """So many of its files, others each time."""
        return self.rng.sample(sorted(self.files), count)

    def changed(self, paths: Sequence[str], line: bytes = LINE) -> bytes:
        """The tree with a line more at the end of some files."""
        edits: dict[str, bytes | None] = {}
        for path in paths:
            data = self.objects.file(self.files[path]) + line
            edits[path] = self.objects.put_file(data, cuts(path, data))
        return self.trees.changed(self.root, edits)


def measure(quick: bool) -> list[Bar]:
    with TemporaryDirectory(prefix="megacontext-") as name:
        small, large = (
            _kept(Path(name) / f"{size}.db", size) for size in (QUICK_SIZES if quick else SIZES)
        )
        rounds = ROUNDS // 5 if quick else ROUNDS
        try:
            return _measured(small, large, rounds)
        finally:
            small.objects.close()
            large.objects.close()


def _kept(path: Path, tokens: int) -> Kept:
    texts = dict(_texts(tokens))
    cut = {name: (data, cuts(name, data)) for name, (data, _) in texts.items()}
    objects = Objects(path)
    started = time.perf_counter()
    with objects.writing():
        files = {name: objects.put_file(data, ends) for name, (data, ends) in cut.items()}
        root = Trees(objects).write(files)
    save_s = time.perf_counter() - started
    size = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
    return Kept(objects, root, sum(count for _, count in texts.values()), files, save_s, size)


def _texts(tokens: int) -> Iterator[tuple[str, tuple[bytes, int]]]:
    tokenizer = TextTokenizer.load(Workplace.at().folder)
    for name, file in python_files():
        data = file.read_bytes()
        if len(data) > 500_000:
            continue
        count = tokenizer.count(data.decode("utf-8", "replace"))
        yield name, (data, count)
        tokens -= count
        if tokens < 0:
            return


def _measured(small: Kept, large: Kept, rounds: int) -> list[Bar]:
    differing = {count: _comparing(small, large, count, rounds) for count in DIFFERENCES}
    at = {
        count: {name: p50(times) for name, times in found.items()}
        for count, found in differing.items()
    }
    texts = f"{large.tokens:,} tokens in {len(large.files):,} files, against {small.tokens:,} in {len(small.files):,}"
    ratios = [at[count]["large"] / at[count]["small"] for count in DIFFERENCES[:-1]]
    changing, merging, sending = (_times(act, large, rounds) for act in (_change, _merge, _send))
    return [
        Bar(
            "comparing two roots of 10 M tokens against two of 1 M, p50",
            sum(ratios) / len(ratios),
            "×",
            at_most=2,
            note=f"{texts}; the same 1, 10 and 100 files differ: {', '.join(f'{each:.2f}' for each in ratios)}",
        ),
        Bar(
            "the same for a thousand files that differ against one, at 10 M",
            at[1_000]["large"] / at[1]["large"],
            "×",
            at_most=1_000,
            note="it grows with the difference",
        ),
        *(
            Bar(
                f"comparing, {count:,} files differ, p50",
                at[count]["large"],
                "ms",
                note=spread(differing[count]["large"], "ms"),
            )
            for count in DIFFERENCES
        ),
        Bar(
            "a snapshot after one changed file, p50",
            p50(changing),
            "ms",
            note=spread(changing, "ms"),
        ),
        Bar(
            "merging 100 files of each side, p50",
            p50(merging),
            "ms",
            note=f"{spread(merging, 'ms')}; all at one line, so that every file both changed is a dispute",
        ),
        Bar("what is sent after one changed file", p50(sending), "kB", note=spread(sending, "kB")),
        Bar(
            "the first snapshot of 10 M tokens",
            large.save_s,
            "s",
            note=f"cut before; {large.size / large.tokens:.2f} bytes a token on disk",
        ),
    ]


def _comparing(small: Kept, large: Kept, count: int, rounds: int) -> dict[str, list[float]]:
    """Times in ms, both in turns and with the same files changed, as far as the small one has so many."""
    times: dict[str, list[float]] = {"small": [], "large": []}
    for _ in range(rounds):
        paths = (small if count <= len(small.files) else large).drawn(count)
        for name, kept in (("small", small), ("large", large)):
            mine = [path for path in paths if path in kept.files]
            other = kept.changed(mine)
            started = time.perf_counter()
            found = list(kept.trees.changes(kept.root, other))
            times[name].append((time.perf_counter() - started) * 1000)
            assert len(found) == len(mine)
    return times


def _times(act: Callable[[Kept], float], kept: Kept, rounds: int) -> list[float]:
    return [act(kept) for _ in range(rounds)]


def _change(kept: Kept) -> float:
    started = time.perf_counter()
    kept.changed(kept.drawn(1))
    return (time.perf_counter() - started) * 1000


def _merge(kept: Kept) -> float:
    ours = kept.changed(kept.drawn(100))
    theirs = kept.changed(kept.drawn(100), b"# another line\n")
    started = time.perf_counter()
    merged = Merger(kept.objects, Labels("a", "b")).merge(kept.root, ours, theirs)
    took = (time.perf_counter() - started) * 1000
    assert merged.both == len(merged.conflicts)
    return took


def _send(kept: Kept) -> float:
    snapshots = Snapshots(kept.objects)
    first = snapshots.add(Snapshot(kept.root.hex(), (), 0.0, ""))
    second = snapshots.add(Snapshot(kept.changed(kept.drawn(1)).hex(), (first.id,), 1.0, ""))
    return len(bundle(snapshots, second)) / 1000
