"""Questions about a framework's API, made of docstrings that its pack then lacks. Knows texts, no pack."""

import ast
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from megacontext.memory.focus import Span

from ..repository.needles import Documented, described, docstring_lines, without_lines
from ..repository.spots import is_own
from .frameworks import Framework

OPENING = 60
"""Characters of a docstring by which it is known again elsewhere."""


@dataclass(frozen=True)
class Question:
    """A public definition to be found, described by its docstring without its name."""

    repository: str
    """Beside which the framework's pack is mounted."""
    framework: str
    """Its label."""
    path: str
    symbol: str
    description: str

    @property
    def package(self) -> str:
        """The framework that it is about."""
        return self.framework

    @property
    def id(self) -> str:
        """Unique among all."""
        return f"{self.repository}:{self.framework}/{self.path}:{self.symbol}"


def questions_in(framework: Framework, repository: str, words: int, seed: int) -> list[Question]:
    """Public functions, methods and classes whose docstrings have at least so many words, shuffled.

    A docstring that stands in the framework a second time, in whatever file, asks nothing: it is not held out.
    """
    prose = "\n".join(" ".join(text.split()) for text in framework.texts.values())
    found = []
    for path, symbol, node in _definitions(framework):
        doc = ast.get_docstring(node) or ""
        opening = " ".join(doc.split())[:OPENING]
        is_public = not any(part.startswith("_") for part in symbol.split("."))
        taken = docstring_lines(framework.text(path), node)
        if is_public and taken is not None and prose.count(opening) == 1:
            description = described(doc, node.name)
            if len(description.split()) >= words:
                found.append(Question(repository, framework.label, path, symbol, description))
    random.Random(f"{seed}:{framework.label}").shuffle(found)  # noqa: S311  no secret
    return found


def held_out(framework: Framework, asked: Sequence[Question]) -> Framework:
    """The framework without the docstrings that are asked for."""
    nodes = {(path, symbol): node for path, symbol, node in _definitions(framework)}
    taken: dict[str, list[range]] = defaultdict(list)
    for each in asked:
        if each.framework == framework.label:
            lines = docstring_lines(framework.text(each.path), nodes[each.path, each.symbol])
            assert lines is not None, "what is asked for has a docstring"
            taken[each.path].append(lines)
    changed = {path: without_lines(framework.text(path), lines) for path, lines in taken.items()}
    return replace(framework, texts={**framework.texts, **changed})


def homes_of(framework: Framework) -> dict[tuple[str, str], Span]:
    """The lines of each definition, of a class up to its first method, by path and symbol; paths as mounted."""
    return {
        (path, symbol): Span(f"{framework.label}/{path}", node.lineno, _last_line(node))
        for path, symbol, node in _definitions(framework)
    }


def _last_line(node: Documented) -> int:
    if isinstance(node, ast.ClassDef):
        inner = [each.lineno for each in node.body if isinstance(each, Documented)]
        if inner:
            return max(node.lineno, min(inner) - 1)
    return node.end_lineno or node.lineno


def _definitions(framework: Framework) -> Iterator[tuple[str, str, Documented]]:
    """Path, qualified name and node of all that is defined once in its file and outside of functions."""
    for path in filter(is_own, framework.files):
        try:
            tree = ast.parse(framework.text(path))
        except (SyntaxError, ValueError):
            continue
        found = list(_inside(tree))
        times = Counter(symbol for symbol, _ in found)
        yield from ((path, symbol, node) for symbol, node in found if times[symbol] == 1)


def _inside(tree: ast.AST, scope: str = "") -> Iterator[tuple[str, Documented]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Documented):
            yield f"{scope}{node.name}", node
        if isinstance(node, ast.ClassDef):
            yield from _inside(node, f"{scope}{node.name}.")
