"""Function bodies to be written, in packages whose own tests notice when one is wrong. Knows no memory."""

import ast
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..repositories import Texts
from .spots import Spot, is_own

MISSING = "raise NotImplementedError"
"""A body that any test of the function notices."""


@dataclass(frozen=True)
class Body:
    """A function whose body is wanted; the cursor stands behind its head and docstring."""

    spot: Spot
    """Its rest is the true body, its name the function's."""
    symbol: str
    after: str = field(repr=False)
    """The file behind the body."""

    @property
    def package(self) -> str:
        """The package that it is in."""
        return self.spot.package

    @property
    def id(self) -> str:
        """Unique among all."""
        return f"{self.spot.package}:{self.spot.path}:{self.symbol}"

    @property
    def indent(self) -> int:
        """Blanks before each line of the body, at least."""
        return len(self.spot.rest) - len(self.spot.rest.lstrip(" "))

    def file_with(self, body: str) -> str:
        """The whole file with another body."""
        return f"{self.spot.before}{body.rstrip()}\n{self.after}"

    @property
    def missing(self) -> str:
        """The file without the body."""
        return self.file_with(" " * self.indent + MISSING)


def bodies_in(repository: Texts, lines: tuple[int, int], seed: int) -> list[Body]:
    """Functions and methods of a package's own files with so many lines in their bodies, shuffled."""
    found: dict[str, Body] = {}
    for path, text, symbol, node in own_functions(repository):
        body = _body(repository.name, path, text, symbol, node)
        if body is not None and lines[0] <= body.spot.rest.count("\n") + 1 <= lines[1]:
            found.setdefault(body.id, body)
    bodies = list(found.values())
    random.Random(f"{seed}:{repository.name}").shuffle(bodies)  # noqa: S311  no secret
    return bodies


def own_functions(repository: Texts) -> Iterator[tuple[str, str, str, ast.FunctionDef]]:
    """Path, text, qualified name and node of each function of a package's own sound files."""
    for path in filter(is_own, repository.files):
        text = repository.text(path)
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for symbol, node in functions_of(tree):
            yield path, text, symbol, node


def functions_of(tree: ast.AST, scope: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Functions and methods outside of other functions, by their qualified names."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield f"{scope}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from functions_of(node, f"{scope}{node.name}.")


def _body(package: str, path: str, text: str, symbol: str, node: ast.FunctionDef) -> Body | None:
    """None where the head's last line holds part of the body, or the docstring is all."""
    statements = node.body[1:] if ast.get_docstring(node) else node.body
    if not statements:
        return None
    lines = text.splitlines(keepends=True)
    opening = statements[0]
    first = (
        min([opening.lineno, *(each.lineno for each in getattr(opening, "decorator_list", ()))]) - 1
    )
    last = statements[-1].end_lineno or statements[-1].lineno
    if lines[opening.lineno - 1][: opening.col_offset].strip():
        return None
    before, body, after = (
        "".join(part) for part in (lines[:first], lines[first:last], lines[last:])
    )
    spot = Spot(package, path, first + 1, before, body.rstrip(), node.name, ())
    return Body(spot, symbol, after)


def body_of(made: str, indent: int) -> str:
    """The lines of what was made that belong to a body with this indent."""
    kept: list[str] = []
    for line in made.split("\n"):
        if line.strip() and len(line) - len(line.lstrip(" ")) < indent:
            break
        kept.append(line)
    return "\n".join(kept).rstrip()
