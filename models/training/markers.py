"""How a window says whose text it shows: a base's own tokens where it has them, plain lines where not.

Knows names of tokens; no model and no disk.
"""

from dataclasses import dataclass

from ..language.tokenizing import TextTokenizer
from . import tokenizer as names

REPOSITORY_LINE = "# repository: "
FILE_LINE = "\n# file: "
"""For a base without the tokens. What stands before may end inside a line."""

_SPELLINGS = {
    "repository": (names.REPO_NAME, "<repo_name>", "<reponame>"),
    "file": (names.FILE_SEP, "<file_sep>", "<filename>"),
    "prefix": (names.FIM_PREFIX, "<fim_prefix>"),
    "suffix": (names.FIM_SUFFIX, "<fim_suffix>"),
    "middle": (names.FIM_MIDDLE, "<fim_middle>"),
    "end": (names.END, "<|end_of_text|>", "</s>", "<eos>", "<|im_end|>"),
    "pad": (names.PAD, "<fim_pad>", "<|finetune_right_pad_id|>", "<|pad|>", "<pad>", "[PAD]"),
}
"""Of Qwen coders first, then of StarCoder, Llama and older ones."""


@dataclass(frozen=True)
class Middles:
    """The tokens of fill-in-the-middle."""

    prefix: int
    suffix: int
    middle: int
    end: int


@dataclass(frozen=True)
class Markers:
    """Tokens with which windows of one tokenizer are marked."""

    repository: tuple[int, ...]
    """Before a repository's name, which ends with its line."""
    file: tuple[int, ...]
    """Before a file's path, which ends with its line."""
    middles: Middles | None
    """None where the base cannot fill in."""
    pad: int
    """Fills a window up and never counts; -1 where the tokenizer has no token for it."""
    filler: int
    """What stands behind the text of a window: `pad`, or else the end of a line, which is text."""
    own: bool
    """Whether repository and file are told by the base's own tokens, not by plain lines."""


def markers_of(tokenizer: TextTokenizer) -> Markers:
    """Find the markers a tokenizer has; any tokenizer has some."""
    ids = {name: _first(tokenizer, spellings) for name, spellings in _SPELLINGS.items()}
    repository, file = ids["repository"], ids["file"]
    own = repository is not None and file is not None
    pad = ids["end"] if ids["pad"] is None else ids["pad"]
    return Markers(
        repository=_tokens(tokenizer, repository if own else None, REPOSITORY_LINE),
        file=_tokens(tokenizer, file if own else None, FILE_LINE),
        middles=_middles(ids),
        pad=-1 if pad is None else pad,
        filler=tokenizer.encode("\n")[-1] if pad is None else pad,
        own=own,
    )


def _first(tokenizer: TextTokenizer, spellings: tuple[str, ...]) -> int | None:
    known = tokenizer.added_tokens
    return next((known[spelling] for spelling in spellings if spelling in known), None)


def _tokens(tokenizer: TextTokenizer, marker: int | None, line: str) -> tuple[int, ...]:
    return tuple(tokenizer.encode(line)) if marker is None else (marker,)


def _middles(ids: dict[str, int | None]) -> Middles | None:
    prefix, suffix, middle, end = (ids[name] for name in ("prefix", "suffix", "middle", "end"))
    if prefix is None or suffix is None or middle is None or end is None:
        return None
    return Middles(prefix, suffix, middle, end)
