"""Files cut into passages of a few lines, as retrieval-augmented generation does it. Knows no order of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ...bm25 import counted

if TYPE_CHECKING:
    from ...repositories import Repository

LINES = 10
"""Of a passage: CrossCodeEval (Ding et al. 2023) retrieves so many."""


@dataclass(frozen=True)
class Passage:
    """Some lines of one file."""

    path: str
    first: int
    """1-based."""
    last: int
    text: str

    @cached_property
    def words(self) -> Counter[str]:
        """Its words, as often as they occur."""
        return counted(self.text)


def passages_of(path: str, text: str) -> tuple[Passage, ...]:
    """A file's passages in order; what holds nothing but blanks is left out."""
    lines = text.splitlines(keepends=True)
    starts = range(0, len(lines), LINES)
    cut = ((start, "".join(lines[start : start + LINES])) for start in starts)
    return tuple(
        Passage(path, start + 1, min(start + LINES, len(lines)), part)
        for start, part in cut
        if part.strip()
    )


class Passages:
    """The passages of a repository as it is now; a file is cut again only when it has changed."""

    def __init__(self, repository: "Repository") -> None:
        self._repository = repository
        self._known: dict[str, tuple[bytes, tuple[Passage, ...]]] = {}

    def but(self, path: str) -> Iterator[Passage]:
        """Those of all other files, file by file."""
        for record in self._repository.memory.catalogue.files():
            if record.path == path:
                continue
            known = self._known.get(record.path)
            if known is None or known[0] != record.digest:
                cut = passages_of(record.path, self._repository.text(record.path))
                known = self._known[record.path] = record.digest, cut
            yield from known[1]
