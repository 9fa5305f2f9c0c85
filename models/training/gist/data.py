"""The windows a GistNet run reads: corpora packed with the base's tokenizer, blended by weight.

Knows prepared corpora and folders; no model.
"""

import hashlib
from pathlib import Path

import numpy as np

from ...language.tokenizing import TextTokenizer
from ..corpus.prepare import read_manifest, read_split
from ..markers import markers_of
from ..run_data import Say, by_repository, pack_corpus
from ..task import Rows
from ..windows import Windows, dtype_for, read_meta, write_windows
from .pairs import WIDTH, definition_pairs
from .settings import GistRunSettings

PAIRS, HELD_OUT_PAIRS = "pairs", "pairs-validation"


def prepare_windows(
    settings: GistRunSettings, tokenizer: TextTokenizer, corpora: Path, folder: Path, say: Say
) -> str:
    """Pack each corpus into `folder/<corpus>` unless it stands there; fingerprint of all of them.

    Raises:
        TrainingError: a corpus is not prepared, or the tokenizer lacks what windows are marked with.
    """
    prints = []
    for blend in settings.data:
        manifest = read_manifest(corpora / blend.corpus)
        parts = (
            manifest["train"]["hash"],
            manifest["validation"]["hash"],
            tokenizer.fingerprint,
            settings.seq_len,
            settings.seed,
            blend.middles,
        )
        wanted = hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
        here = folder / blend.corpus
        meta = read_meta(here)
        if meta is None or meta["fingerprint"] != wanted:
            corpus = corpora / blend.corpus
            pack_corpus(tokenizer, corpus, here, settings, blend.middles, wanted, say)
        prints.append(wanted)
        if settings.routing.weight and not (here / f"{PAIRS}.bin").is_file():
            write_pairs(tokenizer, corpora / blend.corpus, here, settings.seed, say)
    return hashlib.blake2b("".join(prints).encode(), digest_size=16).hexdigest()


def write_pairs(tokenizer: TextTokenizer, corpus: Path, folder: Path, seed: int, say: Say) -> None:
    """Write the routing pairs of both splits beside the windows, the pairs of a package together."""
    filler, dtype = markers_of(tokenizer).filler, dtype_for(tokenizer.vocab_size)
    for split, name in (("validation", HELD_OUT_PAIRS), ("train", PAIRS)):
        say(f"looking for uses of definitions in the {split} split")
        rows = (
            row
            for repo, files in by_repository(read_split(corpus, split)).items()
            for row in definition_pairs(files, tokenizer, filler, f"{seed}:{repo}")
        )
        write_windows(folder, name, rows, WIDTH, filler, dtype)


class Pairs:
    """Routing pairs, a group of neighbours at a time, so that most are of one package."""

    def __init__(self, folder: Path, name: str, seed: int = 0) -> None:
        self._rows = Windows(folder, name, WIDTH)
        self._seed = seed

    def group(self, index: int, size: int) -> Rows:
        """Group `index` of a seeded, endless order, `[size, WIDTH]`."""
        chance = np.random.default_rng([self._seed, index])
        start = int(chance.integers(max(1, len(self._rows) - size + 1)))
        return self._rows.rows(range(start, min(start + size, len(self._rows))))

    def spread(self, groups: int, size: int) -> list[Rows]:
        """Groups at even distances, to measure by."""
        starts = [i * max(0, len(self._rows) - size) // max(1, groups - 1) for i in range(groups)]
        return [self._rows.rows(range(s, min(s + size, len(self._rows)))) for s in starts]


class BlendedWindows:
    """Training windows of several corpora in one seeded, endless order.

    Row i of the order is a pure function of the seed and i.
    """

    def __init__(self, settings: GistRunSettings, folder: Path) -> None:
        self._parts = [
            Windows(folder / blend.corpus, "train", settings.seq_len, settings.seed)
            for blend in settings.data
        ]
        weights = np.array([blend.weight for blend in settings.data])
        self._shares = weights / weights.sum()
        self._seed = settings.seed

    def batch(self, index: int, size: int) -> Rows:
        """Group `index` of the order, `[size, seq_len]`."""
        if len(self._parts) == 1:
            return self._parts[0].batch(index, size)
        chance = np.random.default_rng([self._seed, index])
        owners = chance.choice(len(self._parts), size=size, p=self._shares)
        # Every corpus is asked for whole groups of its own order, and gives as many rows as are drawn.
        rows = [self._parts[owner].batch(index * size + i, 1)[0] for i, owner in enumerate(owners)]
        return np.stack(rows)
