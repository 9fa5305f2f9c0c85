"""What of a pack the code at a cursor can reach, as it would be called from there: what an editor lists at that place.

Behind a dot that is what the name before it has: a module, a class, or a variable whose class its file tells. Elsewhere
it is what the file imports; between parentheses, what is being called. Knows names and texts; no cost and no cut.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from megacontext.memory.catalogue import SymbolRecord
from megacontext.memory.catalogue.terms import identifiers
from megacontext.memory.focus import TreeView
from megacontext.memory.focus.lru import Lru

CALLABLE = frozenset({"function", "method", "class"})
MODULE_FILES = ("__init__", "index", "mod", "lib")
"""Stems of files that stand for their folder."""
MOST_NAMESAKES = 4
"""A name that a pack defines more often says too little about which one is meant."""
MOST_NAMES = 64
"""Imported names that are looked up."""
CACHED_MODULES = 64
MOST_PARAMETERS = 12
MOST_BASES = 6
MOST_CLASSES = 24
LONGEST_DEFAULT = 16
"""Characters of a default; a longer one is left out."""
CONSTRUCTORS = ("__init__", "constructor", "initialize")
ERROR = re.compile(r"(?:Error|Exception|Warning)\b")
FIELD = re.compile(r"[^\W\d_]\w*\s*:")
SELF = frozenset({"self", "cls", "this", "super"})
PATH = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
BEHIND_DOT = re.compile(rf"(({PATH})(?:\(\))?\.)\w*$")
CALLED = re.compile(rf"({PATH})\([^()]*$")
# All within bounds: a file that nobody would write must not make a key press last.
LONGEST_LINE = 400
"""Characters of a line that are looked at."""
IMPORTS = re.compile(
    r"^[ \t]*((?:from[ \t]+\S+[ \t]+)?import\b[ \t]*(?:\([^)]{0,4000}\)|\{[^}]{0,4000}\}[^\n]*|[^\n]*))",
    re.MULTILINE,
)
BASES = re.compile(r"\(([^)]*)\)")
CLASS_HEAD = re.compile(r"^[ \t]*class\s+\w+\s*\(([^)]{0,1000})\)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Reached:
    """One definition, and what stands before its name where it is called."""

    symbol: SymbolRecord
    receiver: str
    """With its dot; "" where nothing stands before the name."""

    @property
    def is_error(self) -> bool:
        """Whether it seems to be something that is raised."""
        return self.symbol.kind == "class" and bool(ERROR.search(self.symbol.signature))


@dataclass(frozen=True)
class Place:
    """A cursor, as far as it can be told what stands there."""

    text: str
    """Of its file, up to the cursor."""
    imported: tuple[str, ...]
    """Names that the file holds or seems to import, with the parts of dotted ones; those that it says first."""

    @classmethod
    def of(cls, text: str, home: Iterable[str]) -> "Place":
        """`home`: what memory says that the file holds or imports; its text may say more, inside of functions."""
        told = (word for found in IMPORTS.findall(text) for word in identifiers(found))
        parts = (part for name in sorted(home) for part in name.split("."))
        return cls(text, tuple(dict.fromkeys((*told, *parts))))

    @cached_property
    def line(self) -> str:
        """Its line up to the cursor; of a long one, the end."""
        return self.text[self.text.rfind("\n") + 1 :][-LONGEST_LINE:]

    @cached_property
    def _behind_dot(self) -> tuple[str, str]:
        found = BEHIND_DOT.search(self.line)
        return (found.group(1), found.group(2)) if found else ("", "")

    @property
    def before(self) -> str:
        """What stands before a name there, up to the dot; "" where no dot stands."""
        return self._behind_dot[0]

    @property
    def receiver(self) -> str:
        """The dotted name before the dot that it stands behind; "" elsewhere."""
        return self._behind_dot[1]

    @property
    def raises(self) -> bool:
        """Whether something that is raised or caught is to come."""
        return re.search(r"\b(?:raise|except|throw|catch)\b[\s(]*[\w.]*$", self.line) is not None

    @property
    def called(self) -> str:
        """The dotted name whose parentheses it stands in; "" elsewhere."""
        found = None if self.receiver else CALLED.search(self.text[-400:])
        return found.group(1) if found else ""

    @property
    def key(self) -> str:
        """The same for as long as the same can be called."""
        return f"{self.receiver}.{self.called}({self.raises}"

    def takes(self, name: str, roots: Collection[str]) -> bool:
        """Whether the file imports a name from one of some packages, and not from beside itself."""
        told = [found for found in IMPORTS.findall(self.text) if name in identifiers(found)]
        tops = (re.match(r"(?:from|import)\s+([^\W\d]\w*)", found) for found in told)
        return any(top is not None and top.group(1) in roots for top in tops)

    def classes_of(self, name: str) -> list[str]:
        """Names that a variable's class may have, by what its file assigns to it or says of it."""
        if name in SELF:
            heads = CLASS_HEAD.findall(self.text)
            return identifiers(heads[-1]) if heads else []
        word = re.escape(name)
        made = rf"(?<![\w]){word}\s*(?::[^=\n]+)?=\s*(?:await\s+|new\s+)?({PATH})\("
        told = rf"(?<![\w.]){word}\s*:\s*([^=,)\n]+)"
        bound = rf"({PATH})\([^\n]*\)\s+as\s+{word}\b"
        lines = "\n".join(each for each in self.text.split("\n") if len(each) <= LONGEST_LINE)
        found = [each for kind in (made, told, bound) for each in re.findall(kind, lines)]
        return [part for each in reversed(found) for part in reversed(identifiers(each))]


class Reach:
    """What can be reached in one pack."""

    def __init__(self, tree: TreeView, read: Callable[[str], bytes | None]) -> None:
        """`read` gives a file of the pack."""
        self.tree = tree
        self._read = read
        self._modules: Lru[str, list[SymbolRecord]] = Lru(CACHED_MODULES)

    def at(self, place: Place) -> list[Reached]:
        """Definitions that may be called next; what is likeliest is not told by their order."""
        if place.receiver:
            return list(self._behind(place))
        return [Reached(each, "") for each in self._imported(place)]

    def called(self, place: Place) -> list[Reached]:
        """Definitions of what the cursor stands between the parentheses of."""
        name = place.called.rpartition(".")[2]
        before = place.called.removesuffix(name)
        return [Reached(each, before) for each in self._named(name)]

    def form(self, reached: Reached, *, whole: bool) -> str:
        """`receiver.name(one, other=None)`, or without what has a default and needs no telling."""
        called = f"{reached.receiver}{reached.symbol.name}"
        takes = self.takes(reached.symbol)
        if takes is None:
            return called
        told = [each for each in takes if whole or not ("=" in each or each.startswith("*"))]
        more = ["..."] * (len(told) > MOST_PARAMETERS)
        return f"{called}({', '.join([*told[:MOST_PARAMETERS], *more])})"

    def takes(self, symbol: SymbolRecord) -> tuple[str, ...] | None:
        """Its parameters as it is given them, names and defaults alone; None where they are not known."""
        if symbol.kind != "class":
            return parameters(symbol.signature)
        fields: list[str] = []
        for owner in self.made_of([symbol]):
            own = [
                each for each in self.tree.symbols_of(owner.path) if each.scope == owner.qualified
            ]
            made = [each for each in own if each.name in CONSTRUCTORS]
            if made:
                return parameters(made[0].signature)
            fields += [each.signature for each in own if FIELD.match(each.signature)]
        # A class of fields alone is given them.
        return _given(fields) if fields else None

    def classes_of(self, place: Place, name: str) -> list[SymbolRecord]:
        """The class that a name is, or that the file says a variable of this name has."""
        return self._classes([name]) or self._classes(place.classes_of(name))[:1]

    def defines(self, name: str) -> bool:
        """Whether the pack defines a class of this name, and seldom anything else."""
        return any(each.kind == "class" for each in self._named(name))

    def text_of(self, symbol: SymbolRecord) -> str:
        """The whole definition."""
        data = self._read(symbol.path) or b""
        return data[symbol.start : symbol.end].decode("utf-8", "replace")

    def _behind(self, place: Place) -> Iterator[Reached]:
        name = place.receiver.rpartition(".")[2]
        classes = self._classes([name])
        found: Iterable[SymbolRecord] = []
        if not classes and name in place.imported:
            found = self._module(name)
        if not found:
            classes = classes or self._classes(place.classes_of(name))[:1]
            if not classes and name not in SELF:
                classes = self._classes(each.name for each in self._imported(place))
            found = self._members(classes)
        own = name in SELF
        seen: dict[str, SymbolRecord] = {}
        for each in found:
            if not each.name.startswith("__" if own else "_"):
                seen.setdefault(each.name, each)
        yield from (Reached(each, place.before) for each in seen.values())

    def _classes(self, names: Iterable[str]) -> list[SymbolRecord]:
        """The classes of these names, and those of what variables of these names hold and functions give back."""
        found = []
        for name in names:
            for symbol in self.tree.catalogue.symbols_named(name, MOST_NAMESAKES):
                if symbol.kind == "class":
                    found.append(symbol)
                    continue
                parted = "->" if symbol.kind in CALLABLE else "="
                told = identifiers(symbol.signature.partition(parted)[2])
                found += [
                    each for word in told for each in self._named(word) if each.kind == "class"
                ][:1]
        return found

    def _named(self, name: str) -> list[SymbolRecord]:
        found = self.tree.catalogue.symbols_named(name, MOST_NAMESAKES + 1)
        found = [each for each in found if each.kind in CALLABLE]
        return found if len(found) <= MOST_NAMESAKES else []

    def _imported(self, place: Place) -> list[SymbolRecord]:
        names = place.imported[:MOST_NAMES]
        return [each for name in names for each in self._named(name) if not each.scope]

    def _module(self, name: str) -> list[SymbolRecord]:
        """What a module or package of this name has at its top. Packs do not change, so it is looked up once."""
        known = self._modules.get(name)
        if known is None:
            known = self._look_into(name)
            self._modules.put(name, known)
        return known

    def _look_into(self, name: str) -> list[SymbolRecord]:
        found: dict[str, SymbolRecord] = {}
        for path in self.paths(name):
            for symbol in self.tree.symbols_of(path):
                if not symbol.scope and symbol.kind in CALLABLE:
                    found.setdefault(symbol.name, symbol)
            if path.rpartition("/")[2].partition(".")[0] in MODULE_FILES:
                names = {word for chunk in self.tree.chunks_of(path) for word in chunk.references}
                for word in sorted(names)[: 4 * MOST_NAMES]:
                    for symbol in self._named(word):
                        if not symbol.scope:
                            found.setdefault(word, symbol)
        return list(found.values())

    def paths(self, module: str) -> Iterable[str]:
        """Files that a module of this name may be."""
        for path in self.tree.catalogue.paths_named(module):
            folders, _, file = path.rpartition("/")
            stem = file.partition(".")[0]
            if stem == module or (stem in MODULE_FILES and folders.rpartition("/")[2] == module):
                yield path

    def _members(self, classes: Iterable[SymbolRecord]) -> Iterator[SymbolRecord]:
        """What classes define, and what those do that they are made of."""
        for owner in self.made_of(classes):
            for symbol in self.tree.symbols_of(owner.path):
                if symbol.scope == owner.qualified and symbol.kind in CALLABLE:
                    yield symbol

    def made_of(self, classes: Iterable[SymbolRecord]) -> Iterator[SymbolRecord]:
        """Classes and those that they are made of, the nearest first."""
        waiting, seen = list(classes), set[tuple[str, int]]()
        while waiting and len(seen) < MOST_CLASSES:
            each = waiting.pop(0)
            if (each.path, each.start) in seen:
                continue
            seen.add((each.path, each.start))
            yield each
            bases = BASES.search(each.signature)
            for base in identifiers(bases.group(1))[:MOST_BASES] if bases else ():
                waiting += [found for found in self._named(base) if found.kind == "class"]


def parameters(signature: str) -> tuple[str, ...]:
    """What a signature takes, without types and without what a call gives by itself: `one, other=None, *rest`."""
    inside = signature.partition("(")[2]
    parts, depth, start = [], 0, 0
    for at, char in enumerate(inside):
        if depth == 0 and char in ",)":
            parts.append(inside[start:at])
            start = at + 1
            if char == ")":
                break
        depth += (char in "([{") - (char in ")]}")
    return _given(parts)


def _given(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(part for part in map(_parameter, parts) if part)


def _parameter(text: str) -> str:
    name, is_given, default = text.partition("=")
    name = name.partition(":")[0].strip()
    if name in SELF or name.startswith("_") or not name.strip("*/"):
        return ""
    default = default.strip()
    return f"{name}={default if len(default) <= LONGEST_DEFAULT else '...'}" if is_given else name
