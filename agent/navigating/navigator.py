"""Definitions and uses of names, as places in files that are shown. Knows no protocol.

The catalogue says where to look; the text as it is now says where that is. A file that has changed since the
catalogue was made is read again, so that no place is a stale one.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from megacontext.memory.catalogue import SymbolRecord
from megacontext.memory.chunking import ChunkedFile, Symbol, chunk_file, find_uses
from megacontext.memory.memory import Memory

from .texts import Text, Texts
from .words import Word

MOST_NAMED = 64
"""Definitions of one name that are looked at."""
MOST_USERS = 500
"""Chunks that use one name, that are looked at."""
MOST_WORDS = 64
"""Characters of a question for symbols."""
_OWN = frozenset({"self", "cls", "this", "super"})
_MEMBERS = frozenset({"method", "field"})


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


class Navigator:
    """Answers about one unchanging state of the memory and of what is open; made for one question."""

    def __init__(self, memory: Memory, buffers: Mapping[str, str]) -> None:
        """`buffers` are texts that are open in an editor, by path; the caller is inside `memory.reading()`."""
        self.catalogue = memory.catalogue
        self.texts = Texts(memory, buffers)

    # Definitions

    def outline(self, path: str) -> list[Definition]:
        """Every definition of a file, in order; none when it is left out."""
        text = self.texts.of(path)
        return [] if text is None else list(_placed(text, self._symbols(text)))

    def named(self, name: str) -> list[Definition]:
        """Every definition of this name."""
        paths = [each.path for each in self.catalogue.symbols_named(name, MOST_NAMED)]
        return self._current(paths, lambda symbol: symbol.name == name)

    def meant(self, word: Word, path: str) -> list[Definition]:
        """The definitions that a name in a file most likely means: a guess by scope, qualifier and imports."""
        text = self.texts.of(path)
        found = self.named(word.name)
        if text is None or not found:
            return []
        ranked = [(self._distance(each, word, text), each) for each in found]
        least = min(distance for distance, _ in ranked)
        return [each for distance, each in ranked if distance == least]

    def _distance(self, found: Definition, word: Word, text: Text) -> int:
        here = found.path == text.path
        if here and found.at.start == word.start:
            return 0
        if word.qualifier in _OWN:
            return 1 if here and found.kind in _MEMBERS else 3 + (found.kind not in _MEMBERS)
        stem = _stem(found.path)
        if word.qualifier:
            if word.qualifier in {stem, found.scope.rpartition(".")[2]}:
                return 1
            return 3 if found.kind in _MEMBERS else 4
        if here and found.kind not in _MEMBERS:
            return 1
        return 2 if re.search(rf"\b{re.escape(stem)}\b", text.text) else 4

    def enclosing(self, path: str, offset: int) -> Definition | None:
        """The innermost definition around a place; None where there is none."""
        around = [
            each for each in self.outline(path) if each.whole.start <= offset <= each.whole.end
        ]
        return max(around, key=lambda each: each.whole.start, default=None)

    def matching(self, query: str, limit: int = 100) -> list[Definition]:
        """Definitions whose name holds the letters of `query`, best first; `Class.method` asks for a scope as well."""
        asked = query[:MOST_WORDS].replace("\0", "").encode("utf-8", "replace").decode()
        scope, _, name = re.sub(r"::|->|/|#", ".", asked).strip().rpartition(".")
        records = self.catalogue.symbols_matching(name, limit * (4 if scope else 1))
        if scope:
            wanted = scope.casefold()
            records = [each for each in records if wanted in each.scope.casefold()]
        order = {
            (each.name, each.path): index for index, each in reversed(list(enumerate(records)))
        }
        found = self._current(
            (each.path for each in records[:limit]),
            lambda symbol: (
                _holds(symbol.name, name) and scope.casefold() in symbol.scope.casefold()
            ),
        )
        last = len(order)
        found.sort(key=lambda each: order.get((each.name, each.path), last))
        return found[:limit]

    def _current(
        self, paths: Iterable[str], wanted: Callable[[Symbol | SymbolRecord], bool]
    ) -> list[Definition]:
        """The wanted definitions of these files and of those that are being edited."""
        edited = {text.path: text for text in self.texts.edited()}
        found: list[Definition] = []
        for path in dict.fromkeys([*paths, *edited]):
            text = self.texts.of(path)
            if text is not None:
                found += _placed(text, filter(wanted, self._symbols(text)))
        return found

    def _symbols(self, text: Text) -> Iterable[Symbol | SymbolRecord]:
        record = self.catalogue.file(text.path)
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
                found += [
                    Stretch(path, text.offset(start), text.offset(end))
                    for start, end in find_uses(path, text.data, name)
                ]
        return found


@lru_cache(maxsize=16)
def _chunked(path: str, data: bytes) -> ChunkedFile:
    """Of a text that the catalogue does not know yet; it is asked about again and again while somebody edits it."""
    return chunk_file(path, data)


def _placed(text: Text, symbols: Iterable[Symbol | SymbolRecord]) -> Iterator[Definition]:
    for each in symbols:
        whole = Stretch(text.path, text.offset(each.start), text.offset(each.end))
        at = _name_in(text, each, whole)
        yield Definition(
            each.name, each.kind, each.scope, each.signature, each.doc, each.line, whole, at
        )


def _name_in(text: Text, symbol: Symbol | SymbolRecord, whole: Stretch) -> Stretch:
    """The name of a definition; its whole line where the name is spelled otherwise there."""
    start, end = text.line(min(symbol.line, text.lines))
    first = max(start, whole.start) if whole.start <= end else start
    word = re.compile(rf"(?<!\w){re.escape(symbol.name)}(?!\w)")
    found = word.search(text.text, first, end)
    if found is not None:
        return Stretch(text.path, *found.span())
    begin = text.text.find(symbol.name, first, end)
    return (
        Stretch(text.path, begin, begin + len(symbol.name))
        if begin >= 0
        else Stretch(text.path, first, max(first, end))
    )


def _stem(path: str) -> str:
    """How an import names a file: without its ending, a package by its folder."""
    file = PurePosixPath(path)
    return file.parent.name if file.stem in {"__init__", "index", "mod"} else file.stem


def _holds(name: str, letters: str) -> bool:
    rest = iter(name.casefold())
    return all(letter in rest for letter in letters.casefold())
