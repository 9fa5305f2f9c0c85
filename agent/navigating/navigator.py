"""Definitions and uses of names, as places in files that are shown. Knows no protocol.

The catalogue says where to look; the text as it is now says where that is. A file that has changed since the
catalogue was made is read again, so that no place is a stale one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import PurePosixPath

from megacontext.memory.catalogue import SymbolRecord
from megacontext.memory.chunking import ChunkedFile, Symbol, chunk_file, find_uses
from megacontext.memory.memory import Memory

from .definitions import Definition, Stretch, placed
from .texts import Shelf, Text, Texts
from .words import Word

MOST_NAMED = 64
"""Definitions of one name that are looked at."""
MOST_USERS = 500
"""Chunks that use one name, that are looked at."""
MOST_WORDS = 64
"""Characters of a question for symbols."""
_OWN = frozenset({"self", "cls", "this", "super"})
_MEMBERS = frozenset({"method", "field"})
_NAME = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class User:
    """A part of the repository that uses a name."""

    path: str
    within: str
    """The definition it is in; "" outside of all."""


Found = tuple[str, Symbol | SymbolRecord]
"""A definition in a file, of the catalogue or of a text that it does not know yet."""


class Navigator:
    """Answers about one unchanging state of the memory and of what is open; made for one question."""

    def __init__(
        self, memory: Memory, buffers: Mapping[str, str], shelf: Shelf | None = None
    ) -> None:
        """`buffers` are texts that are open in an editor, by path; the caller is inside `memory.reading()`."""
        self.catalogue = memory.catalogue
        self.texts = Texts(memory, buffers, shelf or Shelf())

    # Definitions

    def outline(self, path: str) -> list[Definition]:
        """Every definition of a file, in order; none when it is left out."""
        text = self.texts.of(path)
        return [] if text is None else list(placed(text, self._symbols(text)))

    def named(self, name: str) -> list[Definition]:
        """Every definition of this name."""
        return list(self._placed(self._named(name)))

    def meant(self, word: Word, path: str) -> list[Definition]:
        """The definitions that a name in a file most likely means: a guess by scope, qualifier and imports."""
        text = self.texts.of(path)
        found = self._named(word.name)
        if text is None or not found:
            return []
        sight = _Sight(word, text)
        ranked = [(sight.distance(*each), each) for each in found]
        least = min(distance for distance, _ in ranked)
        nearest = list(self._placed(each for distance, each in ranked if distance == least))
        here = [each for each in nearest if each.path == path and each.at.start == word.start]
        return here or nearest

    def enclosing(self, path: str, offset: int) -> Definition | None:
        """The innermost definition around a place; None where there is none."""
        return _around(self.outline(path), offset)

    def remembered_line(self, definition: Definition) -> int | None:
        """The line of a definition in what memory has read of its file; None where it has not read of it."""
        record, text = self.texts.record(definition.path), self.texts.of(definition.path)
        if record is None or (text is not None and self.texts.is_known(text)):
            return definition.line if record else None
        wanted = definition.name, definition.scope, definition.kind
        for each in self.catalogue.symbols_of(record.id):
            if (each.name, each.scope, each.kind) == wanted:
                return each.line
        return None

    def matching(self, query: str, limit: int = 100) -> list[Definition]:
        """Definitions whose name holds the letters of `query`, best first; `Class.method` asks for a scope as well."""
        asked = query[:MOST_WORDS].replace("\0", "").encode("utf-8", "replace").decode()
        scope, _, name = re.sub(r"::|->|/|#", ".", asked).strip().rpartition(".")
        within = scope.casefold()
        records = self.catalogue.symbols_matching(name, limit * (4 if scope else 1))
        found = self._current(
            [each for each in records if within in each.scope.casefold()],
            lambda each: _holds(each.name, name) and within in each.scope.casefold(),
        )
        best = sorted(found, key=lambda each: _rank(name, *each))[:limit]
        return list(self._placed(best))

    def _named(self, name: str) -> list[Found]:
        records = self.catalogue.symbols_named(name, MOST_NAMED)
        return self._current(records, lambda each: each.name == name)

    def _current(
        self, records: Iterable[SymbolRecord], wanted: Callable[[Symbol], bool]
    ) -> list[Found]:
        """What the catalogue found, with what files that are being edited define in place of what they did."""
        edited = {text.path: text for text in self.texts.edited()}
        kept: list[Found] = [(each.path, each) for each in records if each.path not in edited]
        for path, text in edited.items():
            kept += [(path, each) for each in _chunked(path, text.data).symbols if wanted(each)]
        return kept

    def _placed(self, found: Iterable[Found]) -> Iterator[Definition]:
        """Where definitions are now; those of a file that has changed are looked for in it again."""
        for path, symbol in found:
            text = self.texts.of(path)
            if text is None:
                continue
            if isinstance(symbol, SymbolRecord) and not self.texts.is_known(text):
                wanted = symbol.name, symbol.scope, symbol.kind
                again = (
                    each
                    for each in _chunked(path, text.data).symbols
                    if (each.name, each.scope, each.kind) == wanted
                )
                yield from placed(text, again)
            else:
                yield from placed(text, [symbol])

    def _symbols(self, text: Text) -> Iterable[Symbol | SymbolRecord]:
        record = self.texts.record(text.path)
        if record is not None and record.digest == text.digest:
            return self.catalogue.symbols_of(record.id)
        return _chunked(text.path, text.data).symbols

    # Uses

    def uses(self, name: str, limit: int = MOST_USERS) -> list[Stretch]:
        """Where a name is used, by at most `limit` chunks and whatever is being edited."""
        paths = [chunk.path for chunk in self.catalogue.users_of(name, limit)]
        found = []
        for path in dict.fromkeys([*paths, *(text.path for text in self.texts.edited())]):
            text = self.texts.of(path)
            if text is not None:
                found += _used_in(text, name)
        return found

    def users(self, name: str, limit: int) -> tuple[list[User], bool]:
        """The parts of the repository that use a name, `limit` at most, and whether there may be others."""
        edited = {text.path: text for text in self.texts.edited()}
        chunks = self.catalogue.users_of(name, limit + 1)
        found = dict.fromkeys(
            User(chunk.path, chunk.symbol) for chunk in chunks if chunk.path not in edited
        )
        for path, text in edited.items():
            if used := _used_in(text, name):
                outline = self.outline(path)
                around = (_around(outline, each.start) for each in used)
                found |= dict.fromkeys(
                    User(path, each.qualified if each else "") for each in around
                )
        return list(found)[:limit], len(chunks) > limit or len(found) > limit


def _around(outline: Iterable[Definition], offset: int) -> Definition | None:
    """The innermost of some definitions around a place."""
    around = [each for each in outline if each.whole.start <= offset <= each.whole.end]
    return max(around, key=lambda each: each.whole.start, default=None)


def _used_in(text: Text, name: str) -> list[Stretch]:
    return [
        Stretch(text.path, text.offset(start), text.offset(end))
        for start, end in find_uses(text.path, text.data, name)
    ]


class _Sight:
    """How far definitions are from a name in a text."""

    def __init__(self, word: Word, text: Text) -> None:
        self._word = word
        self._text = text

    @cached_property
    def _mentioned(self) -> frozenset[str]:
        return frozenset(_NAME.findall(self._text.text))

    def distance(self, path: str, found: Symbol | SymbolRecord) -> int:
        """0 for the definition at the name itself; the larger the less likely it is meant."""
        word, here = self._word, path == self._text.path
        if here and self._text.offset(found.start) <= word.start < self._text.offset(found.end):
            start, end = self._text.line_behind(self._text.offset(found.start), found.line)
            if start <= word.start < end:
                return 0
        if word.qualifier in _OWN:
            return 1 if here and found.kind in _MEMBERS else 3 + (found.kind not in _MEMBERS)
        stem = _stem(path)
        if word.qualifier:
            if word.qualifier in {stem, found.scope.rpartition(".")[2]}:
                return 1
            return 3 if found.kind in _MEMBERS else 4
        if here and found.kind not in _MEMBERS:
            return 1
        return 2 if stem in self._mentioned else 4


@lru_cache(maxsize=16)
def _chunked(path: str, data: bytes) -> ChunkedFile:
    """Of a text that the catalogue does not know yet; it is asked about again and again while somebody edits it."""
    return chunk_file(path, data)


def _rank(letters: str, path: str, found: Symbol | SymbolRecord) -> tuple[int, int, str, str, int]:
    """As `Catalogue.symbols_matching` orders."""
    name, wanted = found.name.casefold(), letters.casefold()
    if found.name == letters:
        quality = 0
    elif name.startswith(wanted):
        quality = 1
    else:
        quality = 2 if wanted in name else 3
    return quality, len(name), found.name, path, found.start


def _stem(path: str) -> str:
    """How an import names a file: without its ending, a package by its folder."""
    file = PurePosixPath(path)
    return file.parent.name if file.stem in {"__init__", "index", "mod"} else file.stem


def _holds(name: str, letters: str) -> bool:
    rest = iter(name.casefold())
    return all(letter in rest for letter in letters.casefold())
