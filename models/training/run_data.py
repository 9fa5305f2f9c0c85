"""What a run reads: its tokenizer and its packed windows, made once from a prepared corpus."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from ..language.tokenizing import TextTokenizer
from .corpus.prepare import Document, read_manifest, read_split
from .markers import markers_of
from .packing import MIDDLES, Packer
from .settings import RunSettings
from .tokenizer import save_tokenizer, train_tokenizer
from .windows import dtype_for, forget_meta, read_meta, write_meta, write_windows

Say = Callable[[str], None]


class Packed(Protocol):
    """What of a run's settings decides its windows."""

    @property
    def seq_len(self) -> int:
        """Tokens of a window."""

    @property
    def seed(self) -> int:
        """Of every choice in packing."""


def prepare_run_data(settings: RunSettings, corpus: Path, folder: Path, say: Say) -> str:
    """Make tokenizer and windows in `folder` unless they stand there; return their fingerprint.

    Raises:
        TrainingError: no prepared corpus, or one that is too small for the vocabulary.
    """
    manifest = read_manifest(corpus)
    wanted = settings.data_fingerprint(manifest["train"]["hash"] + manifest["validation"]["hash"])
    meta = read_meta(folder)
    if meta is not None and meta["fingerprint"] == wanted:
        return wanted
    say(f"learning {settings.tokenizer.vocab_size} tokens from {corpus}")
    sample = _sample(read_split(corpus, "train"), settings.tokenizer.sample_mb, settings.seed)
    trained = train_tokenizer(sample, settings.tokenizer.vocab_size)
    save_tokenizer(trained, folder, settings.model.max_positions)
    tokenizer = TextTokenizer.load(folder)
    pack_corpus(tokenizer, corpus, folder, settings, MIDDLES, wanted, say)
    return wanted


def pack_corpus(
    tokenizer: TextTokenizer,
    corpus: Path,
    folder: Path,
    settings: Packed,
    middles: float,
    fingerprint: str,
    say: Say,
) -> None:
    """Write the windows of both splits to `folder`; `middles` is the training split's share of them.

    Raises:
        TrainingError: middles are wanted of a tokenizer that has no tokens for them.
    """
    # What stood there is no longer vouched for, nor is its type of ids.
    forget_meta(folder)
    counts, dtype = {}, dtype_for(tokenizer.vocab_size)
    filler = markers_of(tokenizer).filler
    for split, share in (("validation", 0.0), ("train", middles)):
        say(f"packing the {split} split into windows of {settings.seq_len} tokens")
        packer = Packer(tokenizer, settings.seq_len, settings.seed, share)
        rows = _pack(read_split(corpus, split), packer, say)
        counts[split] = write_windows(folder, split, rows, settings.seq_len, filler, dtype)
    meta = {"fingerprint": fingerprint, "seq_len": settings.seq_len, "windows": counts}
    write_meta(folder, {**meta, "dtype": dtype})


def by_repository(documents: Iterable[Document]) -> dict[str, list[tuple[str, str]]]:
    """Group documents as (path, content) under their repository, in their order."""
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for document in documents:
        groups[document.repo].append((document.path, document.content))
    return dict(groups)


def _sample(documents: Iterable[Document], megabytes: float, seed: int) -> Iterator[str]:
    texts = [document.content for document in documents]
    random.Random(seed).shuffle(texts)  # noqa: S311  no secret
    room = megabytes * 1e6
    for text in texts:
        if room <= 0:
            return
        yield text
        room -= len(text)


def _pack(documents: Iterable[Document], packer: Packer, say: Say) -> Iterator[tuple[int, ...]]:
    for repo, files in by_repository(documents).items():
        say(f"  {repo}: {len(files)} files")
        for window in packer.windows(repo, files):
            yield window.ids
