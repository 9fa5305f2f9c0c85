"""Where code needs another file: names that it uses and others define. Knows one repository's text and definitions."""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from megacontext.memory.catalogue import SymbolRecord
from megacontext.memory.catalogue.terms import IDENTIFIER

from .repositories import Repository

BODIES = frozenset({"function", "method"})
DEFINING = frozenset({"class", "function", "method", "constant", "type", "interface"})
MOST_HOMES = 2
"""Files that may define a name for it to count as found: more say too little about which is meant."""
SHORTEST = 3
"""Characters of a name that is taken for a need; of one behind a dot, two more."""
IMPORTS = re.compile(r"^[ \t]*(?:from|import)\b(?:[^\n(]*\([^)]*\)|[^\n]*)", re.MULTILINE)


class Needs:
    """Tells which names of a file are defined in others; made while the repository's files are whole."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._references: dict[str, frozenset[str]] = {}
        self._imports: dict[str, frozenset[str]] = {}

    def homes(self, path: str, text: str, found: re.Match[str]) -> frozenset[str]:
        """The files that define the name found in a text of `path`, if it is theirs beyond reasonable doubt."""
        name = found.group()
        homes = self._definitions.get(name, frozenset())
        if not 0 < len(homes) <= MOST_HOMES or path in homes or not self._is_used(path, name):
            return frozenset()
        if len(name) >= SHORTEST and name in self._imported(path, text):
            return homes
        behind_dot = found.string.endswith(".", 0, found.start())
        is_member = behind_dot and len(name) >= SHORTEST + 2
        return homes if is_member and len(homes) == 1 else frozenset()

    def symbols(self, path: str) -> list[SymbolRecord]:
        """The definitions of a file."""
        record = self._repository.memory.catalogue.file(path)
        return self._repository.memory.catalogue.symbols_of(record.id) if record else []

    def body_lines(self, path: str, text: str) -> Iterator[tuple[int, int]]:
        """Number and offset in characters of the lines inside functions that hold something."""
        starts = [0, *(found.end() for found in re.finditer("\n", text))]
        bodies = [
            (symbol.line + 1, _line_at(text, symbol.end))
            for symbol in self.symbols(path)
            if symbol.kind in BODIES
        ]
        for line in sorted({line for first, last in bodies for line in range(first, last + 1)}):
            start = starts[line - 1] if line <= len(starts) else len(text)
            if text[start:].partition("\n")[0].strip():
                yield line, start

    @cached_property
    def _definitions(self) -> dict[str, frozenset[str]]:
        """The files that define a name."""
        found: dict[str, set[str]] = defaultdict(set)
        for path in self._repository.files:
            for symbol in self.symbols(path):
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


def _line_at(text: str, byte: int) -> int:
    """The 1-based line of a byte offset."""
    return text.encode()[:byte].count(b"\n") + 1
