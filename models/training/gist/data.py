"""The windows a GistNet run reads: corpora packed with the base's tokenizer, blended by weight.

Knows prepared corpora and folders; no model.
"""

import hashlib
from pathlib import Path

import numpy as np

from ...language.tokenizing import TextTokenizer
from ..corpus.prepare import read_manifest
from ..run_data import Say, pack_corpus
from ..task import Rows
from ..windows import Windows, read_meta
from .settings import GistRunSettings


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
    return hashlib.blake2b("".join(prints).encode(), digest_size=16).hexdigest()


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
