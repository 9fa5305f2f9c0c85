"""Baselines that read nothing: chance, nearness to the cursor, distance in the graph of imports."""

import ast
import random
from collections import deque
from collections.abc import Iterator
from pathlib import PurePosixPath
from textwrap import dedent

import numpy as np

from megacontext.memory.focus.node import ancestors_of

from ...needs import IMPORTS
from ...repositories import Repository
from ..scenes.scene import Scene
from .judges import Scores, ranged

LINES = 20
"""Lines from the cursor at which nearness within a file has halved."""


class Chance:
    """Seeded by the scene."""

    def scores(self, scene: Scene) -> Scores:
        """Scores above 0."""
        chance = random.Random(scene.place.name)  # noqa: S311  no secret
        return np.array([1 - chance.random() for _ in scene.nodes])


class Nearness:
    """What was written last is near: the cursor's file by lines from it, other files by shared folders.

    A fresh checkout knows no times of edits, so nearness stands for recency.
    """

    def scores(self, scene: Scene) -> Scores:
        """Scores above 0."""
        own = scene.place
        tree = scene.repository.lens.tree
        found = []
        for node in scene.nodes:
            if node.path == own.path:
                found.append(1 + 1 / (1 + (own.line - tree.span(node)[1]) / LINES))
                continue
            shared = set(ancestors_of(node.path)) & set(ancestors_of(own.path))
            found.append(
                len(shared) / len(set(ancestors_of(node.path)) | set(ancestors_of(own.path)))
            )
        return ranged(np.array(found))


class ImportDistance:
    """How many imports lie between an entry's file and the cursor's, in either direction."""

    def __init__(self, repository: Repository) -> None:
        modules = {_module(path): path for path in repository.files}
        self._links: dict[str, set[str]] = {path: set() for path in repository.files}
        for path in repository.files:
            for module in imported_modules(path, repository.text(path)):
                other = modules.get(module)
                if other is not None and other != path:
                    self._links[path].add(other)
                    self._links[other].add(path)

    def scores(self, scene: Scene) -> Scores:
        """Scores above 0."""
        distances = self._distances(scene.place.path)
        far = len(self._links)
        return np.array([1 / (1 + distances.get(node.path, far)) for node in scene.nodes])

    def _distances(self, start: str) -> dict[str, int]:
        found = {start: 0}
        waiting = deque([start])
        while waiting:
            path = waiting.popleft()
            for other in self._links.get(path, ()):
                if other not in found:
                    found[other] = found[path] + 1
                    waiting.append(other)
        return found


def imported_modules(path: str, text: str) -> Iterator[str]:
    """Dotted names that a Python file may import as modules; what is no sound statement is passed over."""
    package = list(PurePosixPath(path).parent.parts)
    for found in IMPORTS.finditer(text):
        try:
            statements = ast.parse(dedent(found.group())).body
        except (SyntaxError, ValueError):
            continue
        for statement in statements:
            match statement:
                case ast.Import(names):
                    yield from (name.name for name in names)
                case ast.ImportFrom(module, names, level):
                    above = package[: len(package) - (level or 1) + 1] if level else []
                    start = ".".join([*above, *([module] if module else [])])
                    yield start
                    yield from (f"{start}.{name.name}" for name in names)


def _module(path: str) -> str:
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
