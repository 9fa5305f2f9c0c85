"""Real editing positions: cursors inside functions, most of them where the next tokens need another file.

Knows one repository's text and definitions; nothing of focus.
"""

import random
from dataclasses import dataclass

from megacontext.memory.catalogue.terms import IDENTIFIER

from ...needs import Needs
from ...repositories import Repository
from ..settings import PlaceSettings

TRIES = 40
"""Lines of a file that are looked at for one cursor."""
BYTES_PER_TOKEN = 16
"""More than source text has, so that so many bytes hold enough tokens."""


@dataclass(frozen=True)
class Place:
    """A cursor at the start of a line, and what is before and behind it."""

    repo: str
    path: str
    line: int
    """1-based."""
    before: str
    """The file up to the cursor."""
    tail: tuple[int, ...]
    """The last token ids before the cursor."""
    targets: tuple[int, ...]
    """The first token ids behind the cursor."""
    homes: tuple[str, ...]
    """The files, other than this one, that define the first name in the targets that is defined elsewhere."""

    @property
    def name(self) -> str:
        """Unique among all places."""
        return f"{self.repo}:{self.path}:{self.line}"


class PlaceFinder:
    """Finds cursors in one repository; the same seed, the same cursors."""

    def __init__(self, repository: Repository, settings: PlaceSettings, seed: int) -> None:
        self._repository = repository
        self._settings = settings
        self._needs = Needs(repository)
        self._chance = random.Random(f"{seed}:{repository.name}")  # noqa: S311  no secret

    def find(self, count: int) -> list[Place]:
        """At most `count` places, spread over files: the first of every file, then the second, …"""
        found: list[Place] = []
        paths = list(self._repository.files)
        for _ in range(self._settings.per_file):
            self._chance.shuffle(paths)
            for path in paths:
                if len(found) == count:
                    return found
                place = self._place_in(path)
                if place and all(place.name != other.name for other in found):
                    found.append(place)
        return found

    def _place_in(self, path: str) -> Place | None:
        """A cursor with a need or without one, as chance has it; None when the file has none such."""
        wants_need = self._chance.random() < self._settings.need_share
        text = self._repository.text(path)
        lines = list(self._needs.body_lines(path, text))
        self._chance.shuffle(lines)
        for line, offset in lines[:TRIES]:
            place = self.place_at(path, text, line, offset)
            if place and bool(place.homes) == wants_need:
                return place
        return None

    def place_at(self, path: str, text: str, line: int, offset: int) -> Place | None:
        """The place at `offset`, or None where the file is too short before or behind it."""
        wanted, encode = self._settings, self._repository.model.encode
        near = text[max(0, offset - wanted.tail * BYTES_PER_TOKEN) : offset]
        after = text[offset : offset + wanted.targets * BYTES_PER_TOKEN]
        tail, targets = encode(near)[-wanted.tail :], encode(after)[: wanted.targets]
        if len(tail) < wanted.tail or len(targets) < wanted.targets:
            return None
        read = len(self._repository.model.decode(targets))
        needs = (
            self._needs.homes(path, text, found)
            for found in IDENTIFIER.finditer(after)
            if found.end() <= read
        )
        homes = next(filter(None, needs), frozenset())
        name = self._repository.name
        return Place(name, path, line, text[:offset], (*tail,), (*targets,), (*sorted(homes),))
