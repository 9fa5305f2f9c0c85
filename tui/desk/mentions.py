"""What a person can mention with `@`: files and definitions, found by a few of their letters. Knows no widget."""

from collections.abc import Callable
from dataclasses import dataclass

from megacontext.memory.memory import Memory

from .fuzzy import best

SHOWN = 24
NAMED = frozenset({"class", "function", "method", "module", "type", "interface", "macro"})
"""Kinds of definitions that are worth mentioning."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A file or a definition."""

    name: str
    """A path, or a name with its scope."""
    about: str
    """language of a file; kind and place of a definition."""
    is_file: bool


class Mentions:
    """Everything that can be mentioned, read again when memory has changed. Slow: ask it in a thread."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._all: list[Mention] = []
        self._stale = True

    def forget(self) -> None:
        """Memory has changed."""
        self._stale = True

    def find(self, query: str, stopped: Callable[[], bool] = lambda: False) -> list[Mention]:
        """What fits best; files first where nothing is typed yet."""
        if self._stale:
            self._stale = False
            self._all = self._read()
        name = query.partition(":")[0]
        return best(name, self._all, lambda mention: mention.name, SHOWN, stopped)

    def _read(self) -> list[Mention]:
        catalogue = self._memory.catalogue
        definitions: dict[str, Mention] = {}
        with self._memory.reading():
            records = list(catalogue.files())
            files = [Mention(file.path, file.language or "text", True) for file in records]
            for file in records:
                for symbol in catalogue.symbols_of(file.id):
                    if symbol.kind in NAMED:
                        name = ".".join(filter(None, (symbol.scope, symbol.name)))
                        about = f"{symbol.kind}  {symbol.path}:{symbol.line}"
                        definitions.setdefault(name, Mention(name, about, False))
        return [*files, *definitions.values()]
