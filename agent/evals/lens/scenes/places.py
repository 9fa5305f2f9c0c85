"""Real editing positions: cursors inside functions, most of them where the next tokens need another file.

Knows one repository's text and definitions; nothing of focus.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from megacontext.memory.catalogue import SymbolRecord
from megacontext.memory.catalogue.terms import IDENTIFIER

from ..settings import PlaceSettings
from .repositories import Repository

BODIES = frozenset({"function", "method"})
DEFINING = frozenset({"class", "function", "method", "constant", "type", "interface"})
MOST_HOMES = 2
"""Files that may define a name for it to count as found: more say too little about which is meant."""
SHORTEST = 3
"""Characters of a name that is taken for a need; of one behind a dot, two more."""
TRIES = 40
"""Lines of a file that are looked at for one cursor."""
BYTES_PER_TOKEN = 16
"""More than source text has, so that so many bytes hold enough tokens."""
IMPORTS = re.compile(r"^[ \t]*(?:from|import)\b(?:[^\n(]*\([^)]*\)|[^\n]*)", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """A cursor at the start of a line, and what is before and behind it."""

    repo: str
    path: str
    line: int
    """1-based."""
    before: str
    """The file up to the cursor."""
    tail: tuple[int, ...]
    """The last token ids before the cursor."""
    targets: tuple[int, ...]
    """The first token ids behind the cursor."""
    homes: tuple[str, ...]
    """The files, other than this one, that define the first name in the targets that is defined elsewhere."""

    @property
    def name(self) -> str:
        """Unique among all places."""
        return f"{self.repo}:{self.path}:{self.line}"


class PlaceFinder:
    """Finds cursors in one repository; the same seed, the same cursors."""

    def __init__(self, repository: Repository, settings: PlaceSettings, seed: int) -> None:
        self._repository = repository
        self._settings = settings
        self._chance = random.Random(f"{seed}:{repository.name}")  # noqa: S311  no secret

    def find(self, count: int) -> list[Place]:
        """At most `count` places, spread over files: the first of every file, then the second, …"""
        found: list[Place] = []
        paths = list(self._repository.files)
        for _ in range(self._settings.per_file):
            self._chance.shuffle(paths)
            for path in paths:
                if len(found) == count:
                    return found
                place = self._place_in(path)
                if place and all(place.name != other.name for other in found):
                    found.append(place)
        return found

    def _place_in(self, path: str) -> Place | None:
        """A cursor with a need or without one, as chance has it; None when the file has none such."""
        wants_need = self._chance.random() < self._settings.need_share
        text = self._repository.text(path)
        lines = list(self._body_lines(path, text))
        self._chance.shuffle(lines)
        for line, offset in lines[:TRIES]:
            place = self.place_at(path, text, line, offset)
            if place and bool(place.homes) == wants_need:
                return place
        return None

    def _body_lines(self, path: str, text: str) -> Iterator[tuple[int, int]]:
        """Number and offset in characters of the lines inside functions that hold something."""
        starts = [0, *(found.end() for found in re.finditer("\n", text))]
        bodies = [
            (symbol.line + 1, _line_at(text, symbol.end))
            for symbol in self._symbols(path)
            if symbol.kind in BODIES
        ]
        for line in sorted({line for first, last in bodies for line in range(first, last + 1)}):
            start = starts[line - 1] if line <= len(starts) else len(text)
            if text[start:].partition("\n")[0].strip():
                yield line, start

    def place_at(self, path: str, text: str, line: int, offset: int) -> Place | None:
        """The place at `offset`, or None where the file is too short before or behind it."""
        wanted, encode = self._settings, self._repository.model.encode
        near = text[max(0, offset - wanted.tail * BYTES_PER_TOKEN) : offset]
        after = text[offset : offset + wanted.targets * BYTES_PER_TOKEN]
        tail, targets = encode(near)[-wanted.tail :], encode(after)[: wanted.targets]
        if len(tail) < wanted.tail or len(targets) < wanted.targets:
            return None
        read = len(self._repository.model.decode(targets))
        needs = (
            self._homes(path, text, found, after)
            for found in IDENTIFIER.finditer(after)
            if found.end() <= read
        )
        homes = next(filter(None, needs), frozenset())
        name = self._repository.name
        return Place(name, path, line, text[:offset], (*tail,), (*targets,), (*sorted(homes),))

    def _homes(self, path: str, text: str, found: re.Match[str], after: str) -> frozenset[str]:
        """The files that define a name used in `path`, if it is theirs beyond reasonable doubt."""
        name = found.group()
        homes = self._definitions.get(name, frozenset())
        if not 0 < len(homes) <= MOST_HOMES or path in homes or not self._is_used(path, name):
            return frozenset()
        if len(name) >= SHORTEST and name in self._imported(path, text):
            return homes
        is_member = after[: found.start()].endswith(".") and len(name) >= SHORTEST + 2
        return homes if is_member and len(homes) == 1 else frozenset()

    def _symbols(self, path: str) -> list[SymbolRecord]:
        record = self._repository.memory.catalogue.file(path)
        return self._repository.memory.catalogue.symbols_of(record.id) if record else []

    @cached_property
    def _definitions(self) -> dict[str, frozenset[str]]:
        """The files that define a name."""
        found: dict[str, set[str]] = defaultdict(set)
        for path in self._repository.files:
            for symbol in self._symbols(path):
                if symbol.kind in DEFINING:
                    found[symbol.name].add(path)
        return {name: frozenset(paths) for name, paths in found.items()}

    def _is_used(self, path: str, name: str) -> bool:
        if path not in self._references:
            record = self._repository.memory.catalogue.file(path)
            chunks = self._repository.memory.catalogue.chunks_of(record.id) if record else []
            self._references[path] = frozenset(
                name for chunk in chunks for name in chunk.references
            )
        return name in self._references[path]

    def _imported(self, path: str, text: str) -> frozenset[str]:
        if path not in self._imports:
            statements = (found.group() for found in IMPORTS.finditer(text))
            self._imports[path] = frozenset(
                name for statement in statements for name in IDENTIFIER.findall(statement)
            )
        return self._imports[path]

    @cached_property
    def _references(self) -> dict[str, frozenset[str]]:
        return {}

    @cached_property
    def _imports(self) -> dict[str, frozenset[str]]:
        return {}


def _line_at(text: str, byte: int) -> int:
    """The 1-based line of a byte offset."""
    return text.encode()[:byte].count(b"\n") + 1
