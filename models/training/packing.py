"""Lay the files of a repository into fixed windows of tokens, several related files to a window.

A window reads as Qwen coders read a repository:

    <|repo_name|>name\\n
    <|file_sep|>path\\n  text                                                     (a plain piece)
    <|file_sep|>path\\n  <|fim_prefix|>..<|fim_suffix|>..<|fim_middle|>..<|endoftext|>

For a base without these tokens plain lines stand for the first two (`markers`). Files come in
dependency order. Half of them stand whole, cut only where a window ends; the other half are cut at
top-level lines and dealt in turn with their neighbours, so that a window shows short excerpts of
several files. Prose always stands whole. Every character of every file stands in exactly one window.
Knows no model and no disk.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from megacontext.configs.errors import TrainingError

from ..language.tokenizing import TextTokenizer
from .fim import Span, choose_span
from .imports import dependency_order
from .markers import markers_of

GROUP = 3
"""Files that are dealt together."""
EXCERPT = 250
"""Tokens, about, of one dealt excerpt."""
SMALLEST = 48
"""Tokens: a window with less room than this is closed."""
MAX_REPO = 32
MAX_PATH = 64
"""Tokens of a name and of a path; of longer ones the end is shown."""
INTERLEAVED = 0.5
MIDDLES = 0.5
PROSE = frozenset({".txt", ".md"})
"""Ends of paths whose files lose their thread when they are dealt."""
BYTES_PER_TOKEN = 3.5
"""Only a first guess of how much text fits; what is laid down is always encoded and measured."""

_TOP_LEVEL = re.compile(r"^(?=[^\s#)\]}]|[ \t]{1,4}(?:async |def |class |@))", re.MULTILINE)


@dataclass(frozen=True)
class Piece:
    """A stretch of one file; `middle` is the hidden span where it is a fill-in-the-middle."""

    path: str
    text: str
    middle: Span | None = None


@dataclass(frozen=True)
class Window:
    """What one training example holds, as text and as tokens (unpadded)."""

    repo: str
    pieces: tuple[Piece, ...]
    ids: tuple[int, ...]


class Packer:
    """Packs repositories into windows of at most `seq_len` tokens; the same seed, the same windows.

    Args:
        tokenizer: any; with the tokens of fill-in-the-middle where there are to be middles.
        seq_len: tokens of a window.
        seed: of every choice; choices in one repository do not depend on the others.
        middles: the share of pieces that become fill-in-the-middle.

    Raises:
        TrainingError: the tokenizer has no tokens for the middles that are wanted.
    """

    def __init__(
        self, tokenizer: TextTokenizer, seq_len: int, seed: int, middles: float = MIDDLES
    ) -> None:
        self._tokenizer = tokenizer
        self._seq_len = seq_len
        self._seed = seed
        self._middles = middles
        self._markers = markers_of(tokenizer)
        if middles and self._markers.middles is None:
            raise TrainingError(
                "the tokenizer has no tokens for fill-in-the-middle; set middles to 0"
            )

    def windows(self, repo: str, files: Sequence[tuple[str, str]]) -> Iterator[Window]:
        """Yield the windows of one repository, given its files as (path, content)."""
        chance = random.Random(f"{self._seed}:{repo}")  # noqa: S311  no secret
        start = [*self._markers.repository, *self._encode(f"{repo}\n")[-MAX_REPO:]]
        ids, pieces = list(start), list[Piece]()
        for path, text in self._segments(files, chance):
            rest = text
            while rest:
                room = self._seq_len - len(ids)
                laid = self._fit(path, rest, room, chance) if room >= SMALLEST else None
                if laid is None and pieces:
                    yield Window(repo, tuple(pieces), tuple(ids))
                    ids, pieces = list(start), []
                    continue
                piece, more = laid or self._squeeze(path, rest, room)
                ids += more
                pieces.append(piece)
                rest = rest[len(piece.text) :]
        if pieces:
            yield Window(repo, tuple(pieces), tuple(ids))

    def encode(self, piece: Piece) -> list[int]:
        """Return the tokens of a piece, its file line included."""
        head = [*self._markers.file, *self._encode(f"{piece.path}\n")[-MAX_PATH:]]
        special = self._markers.middles
        if piece.middle is None or special is None:
            return head + self._encode(piece.text)
        start, end = piece.middle
        return [
            *head,
            special.prefix,
            *self._encode(piece.text[:start]),
            special.suffix,
            *self._encode(piece.text[end:]),
            special.middle,
            *self._encode(piece.text[start:end]),
            special.end,
        ]

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text)

    def _segments(
        self, files: Sequence[tuple[str, str]], chance: random.Random
    ) -> Iterator[tuple[str, str]]:
        """Yield stretches of files in the order in which they are laid down."""
        dealt: list[tuple[str, str]] = []
        for index in dependency_order(files):
            whole = chance.random() >= INTERLEAVED
            if whole or PurePosixPath(files[index][0]).suffix in PROSE:
                yield files[index]
                continue
            dealt.append(files[index])
            if len(dealt) == GROUP:
                yield from _deal(dealt)
                dealt = []
        yield from _deal(dealt)

    def _fit(
        self, path: str, text: str, room: int, chance: random.Random
    ) -> tuple[Piece, list[int]] | None:
        """Lay down as many lines of `text` as `room` tokens hold; None if not even one."""
        hides = chance.random() < self._middles
        seed = chance.random()
        size = int(room * BYTES_PER_TOKEN * 1.3)
        while part := _lines(text, size):
            again = random.Random(seed)  # noqa: S311  no secret
            middle = choose_span(part, again) if hides else None
            piece = Piece(path, part, middle)
            ids = self.encode(piece)
            if len(ids) <= room:
                return piece, ids
            # Aim a little under what the measured rate allows, so that few rounds are needed.
            size = min(int(len(part) * room / len(ids) * 0.98), len(part) - 1)
        return None

    def _squeeze(self, path: str, text: str, room: int) -> tuple[Piece, list[int]]:
        """Cut inside a line that is longer than a whole window."""
        part = text.split("\n", 1)[0] or text
        while True:
            part = part[: max(1, len(part) // 2)]
            piece = Piece(path, part)
            ids = self.encode(piece)
            if len(ids) <= room:
                return piece, ids


def _lines(text: str, size: int) -> str:
    """Return the whole lines of `text` that end within `size` characters."""
    if len(text) <= size:
        return text
    return text[: text.rfind("\n", 0, max(size, 0)) + 1]


def _deal(files: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Cut files into excerpts and yield one of each in turn."""
    hands = [[(path, part) for part in _excerpts(text)] for path, text in files]
    while any(hands):
        for hand in hands:
            if hand:
                yield hand.pop(0)


def _excerpts(text: str) -> list[str]:
    """Cut `text` before top-level lines into parts of about `EXCERPT` tokens."""
    wanted = EXCERPT * BYTES_PER_TOKEN
    parts: list[str] = []
    start = 0
    for match in _TOP_LEVEL.finditer(text):
        if match.start() - start >= wanted:
            parts.append(text[start : match.start()])
            start = match.start()
    parts.append(text[start:])
    return [part for part in parts if part]
