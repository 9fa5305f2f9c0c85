"""A framework and a package that uses it, as their source distributions have them, and benches with a tiny base."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from megacontext.agent.evals.packs.bench import PackBench, PackPlaces, on_pack_bench
from megacontext.agent.evals.packs.settings import Kind, PackSettings
from megacontext.agent.evals.repositories import Reader
from megacontext.models.training.corpus.settings import read_yaml
from tests.agent.evals.repository.conftest import archive
from tests.memory.workbench import module

QUAY = '''"""Quays, at which ships are moored."""


class Mooring:
    """Holds a ship fast at a quay with hawsers around iron bollards."""

    def __init__(self, ship, bollards=2):
        self.ship = ship
        self.bollards = bollards

    def tighten(self, hawser, turns=1):
        """Shortens a hawser until the bollard holds the ship without play."""
        pulled = self.bollards * turns
        hawser.length = hawser.length - pulled
        return hawser.length

    def _slacken(self, hawser):
        """Lengthens a hawser so that a rising tide does no harm to it."""
        more = self.bollards
        hawser.length = hawser.length + more
        return hawser.length


def announced_berth(ship, *, draught):
    """Tells the depth that a ship needs, announced by its draught, at the berth."""
    depth = draught * 2
    depth += 1
    return f"{ship} at {depth}"


def told_in_docs(ship):
    """Repeats word by word what the manual of the whole harbour says of lanterns and of their keepers."""
    lanterns = [ship, ship]
    lanterns.append(ship)
    return lanterns


def terse(ship):
    """Short."""
    found = ship
    found += 1
    return found
'''
FRAMEWORK = {
    "PKG-INFO": "Name: harbour\n",
    "harbour/__init__.py": "from .quay import Mooring, announced_berth\n",
    "harbour/quay.py": QUAY,
    "docs/lanterns.md": "# Lanterns\n\nRepeats word by word what the manual of the whole harbour says of\n"
    "lanterns and of their keepers.\n",
    "tests/test_quay.py": "from harbour import Mooring\n",
    **{f"harbour/part{n}.py": module(f"part{n}") for n in range(4)},
}
FERRY = '''"""Ferries, and where they lie at night."""

import harbour
from harbour import Mooring

FERRIES = ["Anna", "Berta", "Clara", "Dora", "Emma", "Frieda", "Gerda", "Hanna", "Ida", "Jutta"]
NIGHTS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "holiday"]


def lie_for_the_night(ferry, hawser):
    """The ferry lies still."""
    before = len(FERRIES) + len(NIGHTS)
    assert before > 3, "somebody has taken the ferries away, or the nights"
    held = Mooring(ferry, bollards=4)
    after = len(FERRIES) - len(NIGHTS)
    assert after < 30, "somebody has brought more ferries than there is room for"
    held.tighten(hawser, turns=after)
    return held


def arrival(ferry):
    """What is said when a ferry comes."""
    before = len(FERRIES) + len(NIGHTS)
    assert before > 3, "somebody has taken the ferries away, or the nights"
    said = harbour.announced_berth(ferry, draught=before)
    return own_words(said)


def own_words(said):
    return said.replace("berth", "place")
'''
CLIENT = {
    "PKG-INFO": "Name: ferry\n",
    "ferry/night.py": FERRY,
    "ferry/odd.py": "import harbour\n\nENDS = '''ü\rü'''\n\n\ndef odd(ship):\n    return harbour.terse(ship)\n",
    "ferry/broken.py": "import harbour\n\n\ndef broken(:\n    harbour.terse(1)\n",
    "docs/conf.py": FERRY,
}
CORPUS = {
    "name": "corpus",
    "packages": [{"name": "Trained", "version": "1.0", "licence": "MIT"}],
    "held_out": [{"name": "harbour", "version": "1.0", "licence": "MIT"}],
}
SETTINGS = {
    "name": "tiny",
    "corpus": "corpus.yaml",
    "stands": [
        {
            "repository": {
                "name": "ferry",
                "version": "2.0",
                "licence": "MIT",
                "skip": ["/docs/"],
            },
            "frameworks": [
                {"name": "harbour", "version": "1.0", "licence": "MIT", "skip": ["/tests/"]}
            ],
        }
    ],
    "questions": {"count": 9, "words": 6, "at": [1, 5], "budgets": [400, 2000]},
    "calls": {"count": 9, "per_file": 9, "longest": 40, "budgets": [200, 400], "tail": 40},
}

OpenBench = Callable[[Kind], PackBench]


def workshop(folder: Path, **changes: object) -> Path:
    """Settings with their corpus, and the packages beside them as if they had been fetched; the settings' file."""
    archive(folder / "data/sdists/harbour-1.0.tar.gz", FRAMEWORK, "harbour-1.0")
    archive(folder / "data/sdists/ferry-2.0.tar.gz", CLIENT, "ferry-2.0")
    (folder / "corpus.yaml").write_text(json.dumps(CORPUS))
    file = folder / "tiny.yaml"
    file.write_text(json.dumps(SETTINGS | changes))
    return file


@pytest.fixture
def open_bench(reader: Reader, tmp_path: Path) -> Iterator[OpenBench]:
    """One at a time: a later one takes the place of the one before."""
    file = workshop(tmp_path)
    settings = read_yaml(file, PackSettings)
    with ExitStack() as opened:

        def make(kind: Kind) -> PackBench:
            opened.pop_all().close()
            places = PackPlaces(tmp_path / "data")
            return opened.enter_context(on_pack_bench(settings, file, reader, places, kind))

        yield make
