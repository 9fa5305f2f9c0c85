"""Functions that are described in words and to be found, in copies of packages without those words.

A description is a function's docstring without its name; the docstring is gone from what is searched.
"""

import ast
import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..repositories import Texts
from .bodies import own_functions

Documented = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

LONGEST = 600
"""Characters of a description, at most."""
SHORTEST = 3
"""Lines of a definition without its docstring, at least: less holds nothing that could be described."""


@dataclass(frozen=True)
class Needle:
    """A function to be found."""

    package: str
    path: str
    symbol: str
    description: str
    text: str = field(repr=False)
    """The file without the function's docstring."""
    line: int
    """Of its name in that text, 1-based."""

    @property
    def id(self) -> str:
        """Unique among all."""
        return f"{self.package}:{self.path}:{self.symbol}"


def needles_in(repository: Texts, words: int, seed: int) -> list[Needle]:
    """Functions and methods of a package's own files whose docstrings have at least so many words, shuffled.

    A description that several functions share is none of any.
    """
    found: dict[str, Needle] = {}
    for path, text, name, node in own_functions(repository):
        needle = _needle(repository.name, path, text, name, node)
        if needle is not None and len(needle.description.split()) >= words:
            found.setdefault(needle.id, needle)
    times = Counter(needle.description for needle in found.values())
    needles = [needle for needle in found.values() if times[needle.description] == 1]
    random.Random(f"{seed}:{repository.name}").shuffle(needles)  # noqa: S311  no secret
    return needles


def _needle(package: str, path: str, text: str, name: str, node: ast.FunctionDef) -> Needle | None:
    """None without a docstring, where something else stands on its lines, and for what has too few lines."""
    doc = ast.get_docstring(node)
    lines = docstring_lines(text, node)
    if not doc or lines is None or node.name.startswith("__"):
        return None
    left = without_lines(text, [lines])
    return Needle(package, path, name, described(doc, node.name), left, node.lineno)


def docstring_lines(text: str, node: Documented) -> range | None:
    """The lines, from 0, that a docstring takes: nothing else stands on them, and enough is left without them."""
    literal = node.body[0]
    behind = (node.end_lineno or 0) - (literal.end_lineno or 0)
    if not ast.get_docstring(node) or behind < SHORTEST:
        return None
    lines = _lines(text)
    first, last = literal.lineno - 1, literal.end_lineno or literal.lineno
    before, after = lines[first][: literal.col_offset], lines[last - 1][literal.end_col_offset :]
    return None if before.strip() or after.strip() else range(first, last)


def without_lines(text: str, taken: Iterable[range]) -> str:
    """A text without some of its lines, counted from 0."""
    out = {index for each in taken for index in each}
    return b"".join(line for index, line in enumerate(_lines(text)) if index not in out).decode()


def _lines(text: str) -> list[bytes]:
    return text.encode().splitlines(keepends=True)


def described(doc: str, name: str) -> str:
    """A docstring, as far as it is not too long, in which the function's name is not told."""
    plain = " ".join(re.sub(rf"\b{re.escape(name)}\b", "it", doc).split())
    return plain if len(plain) <= LONGEST else plain[:LONGEST].rpartition(" ")[0]
