"""Definitions as places in a text. Knows no catalogue."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from megacontext.memory.catalogue import SymbolRecord
from megacontext.memory.chunking import Symbol

from .texts import Text


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a text, in characters from its start."""

    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition where it stands now."""

    name: str
    kind: str
    """See `megacontext.memory.chunking.Symbol`."""
    scope: str
    signature: str
    doc: str
    line: int
    """Of the name, from 1."""
    whole: Stretch
    at: Stretch
    """The name itself."""

    @property
    def path(self) -> str:
        """The file."""
        return self.whole.path

    @property
    def qualified(self) -> str:
        """The name with its scope."""
        return f"{self.scope}.{self.name}" if self.scope else self.name


def placed(text: Text, symbols: Iterable[Symbol | SymbolRecord]) -> Iterator[Definition]:
    """Definitions that were found in this very text, where they are in it."""
    for each in symbols:
        whole = Stretch(text.path, text.offset(each.start), text.offset(each.end))
        at = _name_in(text, each, whole)
        yield Definition(
            each.name, each.kind, each.scope, each.signature, each.doc, each.line, whole, at
        )


def _name_in(text: Text, symbol: Symbol | SymbolRecord, whole: Stretch) -> Stretch:
    """The name of a definition; its line where the name is spelled otherwise there."""
    start, end = text.line_behind(whole.start, symbol.line)
    first = max(start, min(whole.start, end))
    begin = _word(text.text, symbol.name, first, end)
    if begin < 0:
        return Stretch(text.path, first, end)
    return Stretch(text.path, begin, begin + len(symbol.name))


def _word(text: str, name: str, start: int, end: int) -> int:
    """Where a whole word stands, or else where these letters do; -1 where neither is."""
    found = first = text.find(name, start, end)
    while found >= 0:
        behind = found + len(name)
        if not (_is_letter(text, found - 1) or _is_letter(text, behind)):
            return found
        found = text.find(name, behind, end)
    return first


def _is_letter(text: str, at: int) -> bool:
    return 0 <= at < len(text) and (text[at].isalnum() or text[at] == "_")
