"""Names that an answer behind a dot is held to: all that can stand there, or none where that is not known."""

import pytest

from megacontext.agent.packs.naming import names_at
from megacontext.agent.packs.reach import Place, Reach
from megacontext.memory.focus import Position, TreeView
from tests.agent.packs.test_reach import SAIL
from tests.memory.workbench import write_files

MORE = {
    "sail/knots.py": (
        "from typing import Generic, TypeVar\n\nT = TypeVar('T')\n\n\n"
        "class Knot(Generic[T]):\n"
        "    loose = False\n\n"
        "    def __init__(self, rope):\n"
        "        self.rope: str = rope\n"
        "        self.turns = 2\n\n"
        "    def tie(self):\n"
        "        return self.turns\n\n\n"
        "class Worn(OfElsewhere):\n"
        "    def fray(self):\n"
        "        return 1\n"
    ),
}


@pytest.fixture
def mounted(mount_pack, engine_with):
    mount_pack(SAIL | MORE, name="sail")
    engine = engine_with()
    [found] = engine.memory.mounts.mounted()
    return engine, found


@pytest.fixture
def reach(mounted):
    _, found = mounted
    with found.memory.reading():
        yield Reach(TreeView(found.memory.catalogue), found.memory.read)


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("import sail\nsail.", {"Rig", "Torn", "errors", "cloth", "knots"}),
        ("from sail import cloth\ncloth.", {"Sail", "sew", "SPARE"}),
        ("from sail.knots import Knot\nk = Knot('a')\nk.", {"tie", "loose", "rope", "turns"}),
        ("from sail.knots import Knot\ndef f(k: Knot):\n    k.", {"tie", "loose", "rope", "turns"}),
        ("from sail import Rig\nr = Rig(1)\nr.", {"hoist", "lower", "mast"}),
    ],
)
def test_modules_and_objects_tell_their_names(reach, text, some):
    assert some <= names_at(reach, Place.of(text, ()))


@pytest.mark.parametrize(
    "text",
    [
        "import sail\n",
        "import sail\nx",
        "unknown.",
        "import sail\nself.",
        "import sail\nsail.Rig().",
        "from sail.knots import Worn\nw = Worn()\nw.",
        "x = 1\nx.",
    ],
)
def test_where_it_is_not_known_nothing_is_told(reach, text):
    assert names_at(reach, Place.of(text, ())) == frozenset()


def test_a_completion_is_held_to_them_and_goes_on_from_what_is_typed(mounted):
    engine, _ = mounted
    text = "from sail import cloth\ncloth.s"
    assert engine.names_at(text, Position("app.py", 2, 8)) == ("ew",)
    assert engine.names_at("from sail import cloth\ncloth.none", Position("app.py", 2, 11)) == ()


def test_a_module_of_the_repository_is_not_taken_for_one_of_a_pack(mounted, repository):
    engine, _ = mounted
    write_files(repository, {"app/cloth.py": "def fold(): ...\n"})
    engine.refresh()
    at = Position("app/main.py", 2, 7)
    assert engine.names_at("import sail\nfrom . import cloth\ncloth.", at) == ()
    assert "sew" in engine.names_at("from sail import cloth\ncloth.", at)


def test_what_a_rule_keeps_out_of_completions_tells_no_names(mount_pack, engine_with):
    mount_pack(SAIL, name="sail")
    engine = engine_with(packs__deny=["complete(source=sail)"])
    assert engine.names_at("import sail\nsail.", Position("app.py", 2, 6)) == ()


def test_a_rule_of_files_tells_no_names_since_names_do_not_say_which_file_they_are_of(
    mount_pack, engine_with
):
    mount_pack(SAIL, name="sail")
    engine = engine_with(packs__deny=["complete(path=sail/cloth.py)"])
    at = Position("app.py", 2, 7)
    assert engine.names_at("from sail import cloth\ncloth.", at) == ()


def test_a_line_that_nobody_would_write_does_not_hold_a_key_press(reach):
    text = "from sail.knots import Knot\n" + "f(" * 60_000 + "\nk = Knot(1)\nk."
    assert "tie" in names_at(reach, Place.of(text, ()))
    assert names_at(reach, Place.of("a" * 200_000, ())) == frozenset()
