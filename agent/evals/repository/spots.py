"""Cursors in front of a name that another file defines, and the rest of their lines. Knows text and definitions."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from megacontext.memory.catalogue.terms import IDENTIFIER
from megacontext.memory.chunking.uses import find_uses
from megacontext.memory.focus import Position

from ...cursor import Cursor, cursor_at
from ..needs import Needs
from ..repositories import Repository

TESTS = re.compile(r"(^|/)(tests?|testing|conftest)(/|_|\.py$)")
"""Paths of what checks a package and is no part of it."""


@dataclass(frozen=True)
class Spot:
    """A cursor in a line, at which the rest of the line is wanted and the file ends."""

    package: str
    path: str
    line: int
    """1-based."""
    before: str = field(repr=False)
    """The file up to the cursor."""
    rest: str
    """What really stands behind it, up to the end of the line."""
    name: str
    """The name that another file defines, first in the rest."""
    homes: tuple[str, ...]
    """The files that define it."""

    @property
    def id(self) -> str:
        """Unique among all."""
        return f"{self.package}:{self.path}:{self.line}"

    @property
    def column(self) -> int:
        """1-based."""
        return len(self.before) - (self.before.rfind("\n") + 1) + 1

    def cursor(self, repository: Repository, tail: int) -> Cursor:
        """The text before it that a prompt holds, at most `tail` tokens."""
        at = Position(self.path, self.line, self.column)
        return cursor_at(self.before, at, tail, 0, repository.model.counter.count)


class SpotFinder:
    """Finds spots in one package, whose files are whole; the same seed, the same spots."""

    def __init__(self, repository: Repository, tail: int, longest: int, seed: int) -> None:
        """`tail` and `longest`: tokens of what is read before a cursor, and of what is wanted behind it."""
        self._repository = repository
        self._needs = Needs(repository)
        self._tail = tail
        self._longest = longest
        self._chance = random.Random(f"{seed}:{repository.name}")  # noqa: S311  no secret

    def find(self, count: int, per_file: int) -> list[Spot]:
        """At most `count` spots, spread over files: the first of every file, then the second, …"""
        paths = [path for path in self._repository.files if is_own(path)]
        self._chance.shuffle(paths)
        columns = [self._spread(path, per_file) for path in paths]
        rounds = (column[n : n + 1] for n in range(per_file) for column in columns)
        return [spot for found in rounds for spot in found][:count]

    def _spread(self, path: str, per_file: int) -> list[Spot]:
        text = self._repository.text(path)
        lines = list(self._needs.body_lines(path, text))
        self._chance.shuffle(lines)
        found: list[Spot] = []
        for line, offset in lines:
            if len(found) == per_file:
                break
            found += self._at(path, text, line, offset)
        return found

    def _at(self, path: str, text: str, line: int, offset: int) -> Iterator[Spot]:
        end = text.find("\n", offset)
        end = len(text) if end < 0 else end
        for found in IDENTIFIER.finditer(text, offset, end):
            homes = self._needs.homes(path, text, found)
            if not homes:
                continue
            start = before_blanks(text, offset, found.start())
            rest = text[start:end].rstrip()
            spot = Spot(
                self._repository.name,
                path,
                line,
                text[:start],
                rest,
                found.group(),
                (*sorted(homes),),
            )
            if self._is_fit(spot) and _is_used_at(text, path, found):
                yield spot
            return

    def _is_fit(self, spot: Spot) -> bool:
        """Whether the name cannot be copied from what every prompt holds, and the rest is short enough."""
        prefix = spot.cursor(self._repository, self._tail).prefix
        known = spot.name in IDENTIFIER.findall(prefix)
        return not known and self._repository.model.counter.count(spot.rest) < self._longest


def is_own(path: str) -> bool:
    """Whether a Python file is part of what a package does, and no test of it."""
    return PurePosixPath(path).suffix == ".py" and not TESTS.search(path)


def _is_used_at(text: str, path: str, found: re.Match[str]) -> bool:
    """Whether a name is code there, and no word of a comment or a string."""
    start = len(text[: found.start()].encode())
    return any(first == start for first, _ in find_uses(path, text.encode(), found.group()))


def before_blanks(text: str, first: int, at: int) -> int:
    """Where the blanks before `at` begin: tokens hold the blank before a word."""
    while at > first and text[at - 1] in " \t":
        at -= 1
    return at
