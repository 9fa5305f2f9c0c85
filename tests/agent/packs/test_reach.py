"""What the code at a cursor can reach in a pack, and how it would be called there."""

import pytest

from megacontext.agent.packs.calling import likeliest
from megacontext.agent.packs.reach import Place, Reach, parameters
from megacontext.memory.focus import TreeView

SAIL = {
    "sail/__init__.py": "from ._rig import Rig\nfrom .errors import Torn\n\n__all__ = ['Rig', 'Torn']\n",
    "sail/_rig.py": (
        "class Base:\n"
        "    def __init__(self, mast, *, height: float = 1.0, _secret=None):\n"
        "        self.mast = mast\n\n"
        "    def lower(self, by: int = 1) -> None:\n"
        "        return None\n\n"
        "    def _hidden(self):\n"
        "        return None\n\n\n"
        "class Rig(Base):\n"
        "    def hoist(self, sail: 'Sail', /, *ropes) -> 'Sail':\n"
        "        return sail\n"
    ),
    "sail/errors.py": "class Torn(Exception):\n    pass\n",
    "sail/cloth.py": (
        "from dataclasses import dataclass\n\n\n"
        "@dataclass\n"
        "class Sail:\n"
        "    area: float\n"
        "    colour: str = 'white'\n\n"
        "    def reef(self, rows):\n"
        "        return rows\n\n\n"
        "def sew(*pieces, thread=None):\n"
        "    return Sail(1.0)\n\n\n"
        "SPARE = Sail(2.0)\n"
    ),
}


@pytest.fixture
def reach(mount_pack, engine_with):
    mount_pack(SAIL, name="sail")
    [mounted] = engine_with().memory.mounts.mounted()
    with mounted.memory.reading():
        yield Reach(TreeView(mounted.memory.catalogue), mounted.memory.read)


def forms(reach: Reach, text: str, *home: str) -> list[str]:
    place = Place.of(text, home)
    return [reach.form(each, whole=True) for each in reach.called(place) or reach.at(place)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import sail\nx = sail.", {"sail.Rig(mast, height=1.0)", "sail.Torn"}),
        (
            "from sail import cloth\nx = cloth.se",
            {"cloth.Sail(area, colour='white')", "cloth.sew(*pieces, thread=None)"},
        ),
        (
            "from sail import Rig\nRig(1).lower\nRig.",
            {"Rig.hoist(sail, *ropes)", "Rig.lower(by=1)"},
        ),
        ("from sail import Rig\nr = Rig(2)\nr.", {"r.hoist(sail, *ropes)", "r.lower(by=1)"}),
        ("def f(r: Rig):\n    r.l", {"r.hoist(sail, *ropes)", "r.lower(by=1)"}),
        ("with Rig(3) as r:\n    r.", {"r.hoist(sail, *ropes)", "r.lower(by=1)"}),
        ("s = sew()\ns.", set()),
        ("r = Rig(3)\ns = r.hoist(1)\ns.", {"s.reef(rows)"}),
        ("from sail.cloth import SPARE\nSPARE.", {"SPARE.reef(rows)"}),
        (
            "class Mine(Rig):\n    def f(self):\n        self.",
            {"self.hoist(sail, *ropes)", "self.lower(by=1)", "self._hidden()"},
        ),
        ("from sail import Rig\nx = Rig(", {"Rig(mast, height=1.0)"}),
        ("from sail import Rig\nx = Rig(f(2),\n    hei", set()),
        ("from sail import Rig, Torn\nx = ", {"Rig(mast, height=1.0)", "Torn"}),
        ("def f():\n    from sail.errors import (\n        Torn,\n    )\n    raise ", {"Torn"}),
    ],
)
def test_what_can_be_called_is_written_as_it_is_called(reach, text, expected):
    found = set(forms(reach, text))
    assert expected - found == set(), found
    if expected:
        assert not {each for each in found - expected if "hidden" in each}


def test_a_file_that_imports_nothing_reaches_nothing(reach):
    assert forms(reach, "import os\nos.") == []
    assert forms(reach, "x = ") == []


def test_what_memory_says_is_imported_counts_too(reach):
    assert forms(reach, "x = ", "sail.errors", "Torn") == ["Torn"]


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("def f()", ()),
        (
            "def f(self, a, b=2, *, c: dict[str, int] | None = None, **rest) -> int",
            "a b=2 c=None **rest",
        ),
        ("def f(cls, /, a: tuple[int, ...] = (1, 2))", "a=(1, 2)"),
        ("def f(a=a_default_of_many_characters)", "a=..."),
        ("def f(a, _b=1", "a"),
        ("no parentheses", ()),
    ],
)
def test_parameters_are_names_and_defaults(signature, expected):
    assert " ".join(parameters(signature)) == " ".join(expected.split() if expected else ())


def test_what_the_repository_calls_elsewhere_comes_first(reach):
    place = Place.of("from sail import Rig\nr = Rig(2)\nr.", ())
    reached = reach.at(place)

    def first(counts):
        def used(names):
            return {name: counts.get(name, 0) for name in names}

        return likeliest(reached, place, used)[0][1].symbol.name

    assert first({"lower": 9}) == "lower"
    assert first({"hoist": 9}) == "hoist"


def test_only_errors_are_told_where_one_is_raised(reach):
    place = Place.of("from sail import Rig, Torn\n\ndef f():\n    raise ", ())
    best = likeliest(reach.at(place), place, lambda names: {name: name == "rig" for name in names})
    assert [each.symbol.name for _, each in best] == ["Torn"]
