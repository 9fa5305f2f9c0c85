"""Calls from a repository to frameworks, and cursors in them. Knows texts and what packs define, no arm."""

import ast
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from megacontext.memory.catalogue.terms import IDENTIFIER
from megacontext.memory.packs.pack_memory import PackMemory

from ..needs import MOST_HOMES, SHORTEST
from ..repositories import Repository
from ..repository.spots import Spot, before_blanks

Place = Literal["callee", "arguments"]
PLACES: tuple[Place, ...] = ("arguments", "callee")
"""As they are tried: a call gives one cursor, and those at arguments are rarer."""


@dataclass(frozen=True)
class Call:
    """A cursor in a call: in front of what is called, or behind the parenthesis that opens its arguments.

    Arguments are wanted where one of them is given by keyword: what a signature tells.
    """

    spot: Spot
    place: Place

    @property
    def id(self) -> str:
        """Unique among all."""
        return self.spot.id

    @property
    def package(self) -> str:
        """The repository that calls."""
        return self.spot.package


@dataclass(frozen=True)
class Called:
    """A call as it stands in a text."""

    name: str
    start: int
    """Offset of the name, in characters."""
    homes: tuple[str, ...]
    """The files of packs that define it."""
    by_keyword: bool
    """Whether an argument is given by keyword on the line of the name."""


class CallFinder:
    """Finds calls in one repository, whose files are whole; the same seed, the same calls."""

    def __init__(
        self,
        repository: Repository,
        packs: Sequence[PackMemory],
        tail: int,
        longest: int,
        seed: int,
    ) -> None:
        """`tail` and `longest`: tokens of what is read before a cursor, and of what is wanted behind it."""
        self._repository = repository
        self._packs = packs
        self._roots = frozenset[str]().union(*(pack.roots for pack in packs))
        self._tail = tail
        self._longest = longest
        self._chance = random.Random(f"{seed}:{repository.name}")  # noqa: S311  no secret

    def find(self, count: int, per_file: int) -> list[Call]:
        """At most `count` calls, spread over files: the first of every file, then the second, …"""
        paths = [path for path in self._repository.files if path.endswith(".py")]
        self._chance.shuffle(paths)
        columns = [self._spread(path, per_file) for path in paths]
        rounds = (column[n : n + 1] for n in range(per_file) for column in columns)
        return [call for found in rounds for call in found][:count]

    def _spread(self, path: str, per_file: int) -> list[Call]:
        text = self._repository.text(path)
        called = list(self._calls(text))
        self._chance.shuffle(called)
        found: dict[str, Call] = {}
        for each in called:
            if len(found) == per_file:
                break
            places = PLACES if each.by_keyword else ("callee",)
            calls = (Call(self._spot(path, text, each, place), place) for place in places)
            if call := next(filter(self._is_fit, calls), None):
                found.setdefault(call.id, call)
        return list(found.values())

    def _spot(self, path: str, text: str, called: Called, place: Place) -> Spot:
        line = text.rfind("\n", 0, called.start) + 1
        end = text.find("\n", called.start)
        start = called.start + len(called.name) + 1
        if place == "callee":
            start = before_blanks(text, line, called.start)
        rest = text[start : end if end >= 0 else len(text)].rstrip()
        number = text.count("\n", 0, line) + 1
        name = self._repository.name
        return Spot(name, path, number, text[:start], rest, called.name, called.homes)

    def _is_fit(self, call: Call) -> bool:
        """Whether what is wanted is short, and cannot be copied from what every prompt holds."""
        spot = call.spot
        prefix = spot.cursor(self._repository, self._tail).prefix
        known = call.place == "callee" and spot.name in IDENTIFIER.findall(prefix)
        return not known and self._repository.model.counter.count(spot.rest) < self._longest

    def _calls(self, text: str) -> Iterator[Called]:
        """Calls inside functions to what packs define and the repository does not."""
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            return
        bound = frozenset(_bound(tree, self._roots))
        lines = text.encode().splitlines(keepends=True)
        starts = [0, *accumulate(len(line.decode()) for line in lines)]
        for call in _calls_in_functions(tree) if bound else ():
            node = call.func
            if not isinstance(node, ast.Attribute | ast.Name):
                continue
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            row, column = (node.end_lineno or node.lineno) - 1, node.end_col_offset or 0
            end = starts[row] + len(lines[row][:column].decode())
            homes = self._homes(name, is_bound=_leftmost(node) in bound)
            if homes and text.startswith(f"{name}(", end - len(name)):
                by_keyword = any(
                    each.arg and each.value.lineno == row + 1 for each in call.keywords
                )
                yield Called(name, end - len(name), homes, by_keyword)

    def _homes(self, name: str, *, is_bound: bool) -> tuple[str, ...]:
        """The files of packs that define a name, if it is theirs beyond reasonable doubt.

        What is not reached from an import is taken for theirs only by a long name of which there is one.
        """
        if len(name) < SHORTEST + (0 if is_bound else 2) or self._is_own(name):
            return ()
        found = sorted(
            {
                f"{pack.label}/{symbol.path}"
                for pack in self._packs
                for symbol in pack.catalogue.symbols_named(name, MOST_HOMES + 2)
            }
        )
        return tuple(found) if 0 < len(found) <= (MOST_HOMES if is_bound else 1) else ()

    def _is_own(self, name: str) -> bool:
        return bool(self._repository.memory.catalogue.symbols_named(name, 1))


def _bound(tree: ast.AST, roots: frozenset[str]) -> Iterator[str]:
    """The names that a file imports from packages or modules of these names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            if (node.module or "").partition(".")[0] in roots:
                yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if (top := alias.name.partition(".")[0]) in roots:
                    yield alias.asname or top


def _calls_in_functions(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls inside of functions, each once."""
    functions = (
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    inside = {
        id(node): node
        for function in functions
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Call)
    }
    yield from inside.values()


def _leftmost(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
