"""A package of a few files that use each other, a tiny random base, and scenes drawn in it."""

import os
from collections.abc import Iterator

import pytest

from megacontext.agent.evals.lens.scenes.drawing import draw_scene
from megacontext.agent.evals.lens.scenes.places import Place, PlaceFinder
from megacontext.agent.evals.lens.scenes.scene import Scene
from megacontext.agent.evals.lens.settings import DrawSettings, PlaceSettings
from megacontext.agent.evals.repositories import WRITTEN_AT, Reader, Repository, opened
from tests.memory.workbench import write_files

PLACES = PlaceSettings(tail=16, targets=24, per_file=3, need_share=0.75)
DRAW = DrawSettings(entries=(4, 10), budget=(150, 500), slots=2, longest=12, opened=0.5)


def source(name: str, uses: str) -> str:
    """A module that defines a table and fills it with another module's."""
    return (
        f'"""Tables of {name}."""\n\nfrom .{uses} import make_{uses}_table\n\n\n'
        f"def make_{name}_table(rows):\n"
        f'    """A table of {name}."""\n'
        f"    table = {{}}\n"
        f"    for row in rows:\n"
        f"        table[row] = {name!r}\n"
        f"    other = make_{uses}_table(rows)\n"
        f"    table.update(other)\n"
        f"    return table\n\n\n"
        f"def count_{name}_rows(table):\n"
        f'    """How many rows of {name} there are."""\n'
        f"    total = 0\n"
        f"    for value in table.values():\n"
        f"        total += value == {name!r}\n"
        f"    return total\n"
    )


NAMES = ("apple", "banana", "cherry", "damson", "elder")
FILES: dict[str, str | bytes] = {
    "fruit/__init__.py": "",
    **{
        f"fruit/{name}.py": source(name, uses)
        for name, uses in zip(NAMES, NAMES[1:] + NAMES[:1], strict=True)
    },
}


@pytest.fixture(scope="module")
def repository(reader: Reader, tmp_path_factory) -> Iterator[Repository]:
    root = tmp_path_factory.mktemp("fruit")
    write_files(root, FILES)
    for file in root.rglob("*.py"):
        os.utime(file, (WRITTEN_AT, WRITTEN_AT))
    with opened("fruit", root, reader, DRAW.slots) as found:
        yield found


@pytest.fixture(scope="module")
def places(repository: Repository) -> list[Place]:
    return PlaceFinder(repository, PLACES, seed=1).find(9)


@pytest.fixture
def scene(repository: Repository, places: list[Place]) -> Iterator[Scene]:
    """One scene, at a place that needs another file."""
    place = next(place for place in places if place.homes)
    with repository.edited(place.path, place.before.encode()):
        found = draw_scene(repository, place, DRAW, seed=1)
        assert found is not None
        yield found
