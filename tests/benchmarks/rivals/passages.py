"""A repository's Python files as passages of ten lines, kept up by looking at sizes and times; and packing them.

What a script around a search tool does, in its simplest form. Loads no model.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from megacontext.agent.evals.repository.arms.passages import Passage, passages_of

from .answering import Answer

Stamp = tuple[int, int]
"""Time of the last change in nanoseconds, and size."""
MISSES = 16
"""Passages in a row that do not fit, after which none are tried."""


def stamps_of(root: Path) -> dict[str, Stamp]:
    """Every Python file with its stamp; hidden folders are none of the repository."""
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.endswith(".py"):
                file = Path(folder, name)
                facts = file.stat()
                path = file.relative_to(root).as_posix()
                found[path] = facts.st_mtime_ns, facts.st_size
    return found


def read_passages(root: Path, path: str) -> tuple[Passage, ...]:
    """A file as it is now."""
    return passages_of(path, (root / path).read_text("utf-8", errors="replace"))


@dataclass
class Packer:
    """Takes the first passages, and those after them that still fit."""

    count: Callable[[str], int]
    """Tokens of a text."""
    budget: int
    _known: dict[str, int] = field(default_factory=dict)

    def pack(self, ranked: Iterable[Passage]) -> Answer:
        """An answer within the budget, file by file in the order of the best, in a file in reading order."""
        left, misses = self.budget, 0
        taken: dict[str, list[Passage]] = {}
        for passage in ranked:
            cost = self._cost(passage.text)
            if passage.path not in taken:
                cost += self._cost(_header(passage.path))
            if cost <= left:
                taken.setdefault(passage.path, []).append(passage)
                left, misses = left - cost, 0
            elif (misses := misses + 1) == MISSES:
                break
        parts = {path: sorted(some, key=lambda each: each.first) for path, some in taken.items()}
        text = "".join(
            _header(path) + "".join(each.text for each in some) for path, some in parts.items()
        )
        lines = {
            path: [line for each in some for line in each.text.splitlines()]
            for path, some in parts.items()
        }
        return Answer(text, lines)

    def _cost(self, text: str) -> int:
        if text not in self._known:
            self._known[text] = self.count(text)
        return self._known[text]


def _header(path: str) -> str:
    return f"### {path}\n"
