"""Indexing the standard library: facts and tokens, against tokenizing the same text alone."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.agent.opening import Workplace
from megacontext.memory.chunking import chunk_file
from megacontext.memory.memory import Memory
from megacontext.models.language.tokenizing import TextTokenizer

from .bars import Bar, p50, spread
from .corpora import standard_library
from .machine import processor_s
from .peak import run_watched

ROUNDS = 2
COMMAND = str(Path(sys.executable).with_name("megacontext"))


@dataclass(frozen=True)
class Took:
    """One measurement, in seconds."""

    wall: float
    cpu: float
    """Of all threads, and of the processes that cut files; see `processor_s`."""


def measure(quick: bool) -> list[Bar]:
    with TemporaryDirectory(prefix="megacontext-") as folder:
        root = standard_library(Path(folder) / "lib")
        _, peak = index_and_peak(root)
        workplace = Workplace.at(root)
        tokenizer = TextTokenizer.load(workplace.folder)
        sizes, files = _sizes_and_files(workplace)
        texts = [data.decode("utf-8", "replace") for data in files.values()]
        tokenizer.encode_batch(texts)  # its cache of words is warm for both sides alike
        alone = [_tokenize(tokenizer, texts)]
        whole: list[Took] = []
        for _ in range(1 if quick else ROUNDS):
            whole.append(_index(workplace, tokenizer))
            alone.append(_tokenize(tokenizer, texts))
        single = _on_one_thread(tokenizer, texts)
        cut = _timed(lambda: [chunk_file(path, data) for path, data in files.items()])
    return [*_bars(whole, alone, sizes, peak), *_parts(whole, alone, single, cut)]


def _sizes_and_files(workplace: Workplace) -> tuple[dict[str, int], dict[str, bytes]]:
    with workplace.open_memory(write=False) as memory:
        files = {file.path: memory.read(file.path) or b"" for file in memory.catalogue.files()}
        total = sum(map(len, files.values()))
        return {"tokens": memory.tokens, "bytes": total, "files": len(files)}, files


def _index(workplace: Workplace, tokenizer: TextTokenizer) -> Took:
    shutil.rmtree(workplace.places.state)
    workplace.places.make_state_folder()
    opened = Memory.open(
        workplace.places, workplace.spec(), tokenizer, workplace.rules(), write=True
    )
    with opened as memory:
        return _timed(memory.writer.reconcile)


def _tokenize(tokenizer: TextTokenizer, texts: list[str]) -> Took:
    return _timed(lambda: tokenizer.encode_batch(texts))


def _on_one_thread(tokenizer: TextTokenizer, texts: list[str]) -> Took:
    before = os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        return _tokenize(tokenizer, texts)
    finally:
        del os.environ["TOKENIZERS_PARALLELISM"]
        if before is not None:
            os.environ["TOKENIZERS_PARALLELISM"] = before


def _timed(work: Callable[[], object]) -> Took:
    wall, cpu = time.perf_counter(), processor_s()
    work()
    return Took(time.perf_counter() - wall, processor_s() - cpu)


def index_and_peak(root: Path) -> tuple[float, float]:
    """Seconds that indexing `root` takes in a new process, without gists, and its peak in MiB."""
    started = time.perf_counter()
    said, peak = run_watched([COMMAND, "index", str(root), "--no-gists", "--json"])
    took = time.perf_counter() - started
    assert json.loads(said)["root"]
    return took, peak


def _bars(whole: list[Took], alone: list[Took], sizes: dict[str, int], peak: float) -> list[Bar]:
    def ratios(of: Callable[[Took], float]) -> list[float]:
        # Each index pass against the mean of the passes before and after it: drift cancels out.
        pairs = zip(whole, alone, alone[1:], strict=False)
        return [2 * of(it) / (of(before) + of(after)) for it, before, after in pairs]

    wall, cpu = ratios(lambda took: took.wall), ratios(lambda took: took.cpu)
    walls, alone_walls = [it.wall for it in whole], [it.wall for it in alone]
    text = f"{sizes['files']:,} files, {sizes['bytes'] / 1e6:.1f} MB, {sizes['tokens']:,} tokens"
    return [
        Bar(
            "index against tokenizing the same text, wall time",
            p50(wall),
            "×",
            at_most=1.5,
            note=f"{spread(wall)} pairs; {text}",
        ),
        Bar("the same in processor time of all threads", p50(cpu), "×", note=spread(cpu)),
        Bar(
            "peak memory of indexing",
            peak,
            "MiB",
            at_most=1024,
            note="with the processes that cut files; pages they share count once",
        ),
        Bar("index", p50(walls), "s", note=spread(walls, "s")),
        Bar("tokenizing alone", p50(alone_walls), "s", note=spread(alone_walls, "s")),
        Bar("index", sizes["bytes"] / 1e6 / p50(walls), "MB/s"),
    ]


def _parts(whole: list[Took], alone: list[Took], single: Took, cut: Took) -> list[Bar]:
    """What the ratio is made of; one measurement each."""
    tokenizing = p50([it.cpu for it in alone])
    return [
        Bar(
            "index against tokenizing on one thread, wall time",
            p50([it.wall for it in whole]) / single.wall,
            "×",
            note=f"{single.wall:.1f} s on one thread",
        ),
        Bar(
            "cutting into chunks alone against tokenizing, processor time",
            cut.cpu / tokenizing,
            "×",
            note=f"{cut.cpu:.1f} s: parsing, tag queries, chunks, symbols, outlines",
        ),
    ]
