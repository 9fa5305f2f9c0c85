"""A package as its source distribution has it, its settings, and a bench with a tiny random base."""

import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from megacontext.agent.evals.repositories import Repository
from megacontext.agent.evals.repository.bench import Bench, BenchPlaces, on_bench
from megacontext.agent.evals.repository.settings import RepositorySettings
from megacontext.models.training.corpus.settings import read_yaml

GARDEN = '''"""What grows."""


class Plant:
    """Something that grows in a bed of the garden."""

    def __init__(self, label, height):
        self.label = label
        self.height = height

    def grown_by(self, days, rate=2):
        """How tall it is after so many days of good weather."""
        more = days * rate
        return self.height + more


def tallest_plant(plants):
    """The one plant that overlooks all of the others."""
    best = None
    for plant in plants:
        if best is None or plant.height > best.height:
            best = plant
    return best


def sown_rows(length, distance=3):
    return [at for at in range(0, length, distance)]
'''
SHED = '''"""Where tools and plans are kept, and nothing else."""

from .garden import Plant, sown_rows, tallest_plant


def planned_bed(labels):
    """A bed with one plant for every label that was given."""
    found = []
    for label in labels:
        fresh = Plant(label, height=1)
        found.append(fresh)
    return found


def watched_plant(labels):
    """The plant that needs a stick; tallest_plant is asked."""
    bed = planned_bed(labels)
    return tallest_plant(bed)


def measured_rows(length):
    """Rows where nothing stands in the way of the next."""
    rows = sown_rows(length, distance=4)
    return len(rows)
'''
TESTS = """from plot.garden import Plant, tallest_plant
from plot.shed import measured_rows, planned_bed


def test_growth():
    assert Plant("pea", 1).grown_by(3) == 7


def test_tallest():
    assert tallest_plant([Plant("pea", 1), Plant("bean", 2)]).label == "bean"
    assert len(planned_bed(["pea"])) == 1
    assert measured_rows(9) == 3
"""
FILES = {
    "PKG-INFO": "Name: plot\n",
    "plot/__init__.py": "",
    "plot/garden.py": GARDEN,
    "plot/shed.py": SHED,
    "tests/test_plot.py": TESTS,
    "docs/conf.py": "from plot.garden import tallest_plant\n",
}
CORPUS = {
    "name": "corpus",
    "packages": [{"name": "trained", "version": "1.0", "licence": "MIT"}],
    "held_out": [{"name": "plot", "version": "2.0", "licence": "MIT"}],
}
SETTINGS = {
    "name": "tiny",
    "corpus": "corpus.yaml",
    "packages": [{"name": "plot", "skip": ["/docs/"], "tests": ["tests"]}],
    "budgets": [60, 120],
    "tail": 40,
    "candidates": 2,
    "lines": {"count": 2, "per_file": 3, "longest": 40},
    "edits": {"count": 2, "per_file": 3},
    "needles": {"count": 4, "words": 6, "at": [1, 5], "budget": 200},
    "bodies": {"count": 1, "lines": [2, 8], "longest": 12, "seconds": 120},
}


def archive(path: Path, files: dict[str, str], top: str = "plot-2.0") -> Path:
    """A source distribution with these files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as opened:
        for name, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = len(data)
            opened.addfile(member, io.BytesIO(data))
    return path


def workshop(folder: Path, **changes: object) -> Path:
    """Settings with their corpus, and the package beside them as if it had been fetched; the settings' file."""
    archive(folder / "data/sdists/plot-2.0.tar.gz", FILES)
    (folder / "corpus.yaml").write_text(json.dumps(CORPUS))
    file = folder / "tiny.yaml"
    file.write_text(json.dumps(SETTINGS | changes))
    return file


@pytest.fixture(scope="package")
def bench(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("workshop")
    file = workshop(folder)
    settings = read_yaml(file, RepositorySettings)
    with on_bench(settings, file, str(model_folder), BenchPlaces(folder / "data")) as found:
        yield found


@pytest.fixture
def repository(bench: Bench) -> Repository:
    return bench.repositories["plot"]
