"""Definitions and uses where they stand now, whatever was typed since memory last looked."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.agent.navigating.about import about
from megacontext.agent.navigating.texts import Text
from megacontext.agent.navigating.words import word_at
from megacontext.memory.focus import Node, WorkingEntry
from megacontext.memory.tree.keys import digest

GREET = "greeter/greet.py"
WORDS = "greeter/words.py"


def shown(navigator, stretch) -> str:
    """The text of a place."""
    return navigator.texts.of(stretch.path).text[stretch.start : stretch.end]


def meant(navigator, path: str, before: str, skip: int = 0):
    """What the name behind some text in a file means."""
    text = navigator.texts.of(path).text
    word = word_at(text, text.index(before) + len(before) + skip)
    return navigator.meant(word, path)


def test_a_name_leads_to_its_definition_in_another_file(navigate):
    navigator = navigate()
    [found] = meant(navigator, GREET, 'return f"{')
    assert (found.path, found.line, found.qualified) == (WORDS, 6, "word_for")
    assert shown(navigator, found.at) == "word_for"
    assert shown(navigator, found.whole).startswith("def word_for(language):")


@pytest.mark.parametrize(
    ("before", "path"), [("self.", "a.py"), ("b.", "b.py"), ("other.", "b.py"), ("Other.", "b.py")]
)
def test_what_stands_before_a_dot_tells_between_two_of_one_name(
    root: Path, memory, navigate, before, path
):
    (root / "a.py").write_text(
        "class One:\n    def run(self):\n        pass\n\n    def go(self):\n        return self.run()\n"
    )
    (root / "b.py").write_text("class Other:\n    def run(self):\n        pass\n")
    (root / "c.py").write_text("import b\n\nb.run()\n")
    memory.writer.reconcile()
    navigator = navigate()
    text = f"x = {before}run()\n"
    word = word_at(text, len(text) - 4)
    user = "a.py" if before == "self." else "c.py"
    assert path in {each.path for each in navigator.meant(word, user)}
    if before in {"self.", "b.", "Other."}:
        assert [each.path for each in navigator.meant(word, user)] == [path]


def test_unsaved_text_moves_definitions_and_uses_with_it(navigate, root: Path):
    edited = "# a new line\n# and another 😀\n" + (root / WORDS).read_text() + "\nword_for('x')\n"
    navigator = navigate({WORDS: edited})
    [found] = navigator.named("word_for")
    assert found.line == 8
    assert shown(navigator, found.at) == "word_for"
    places = navigator.uses("word_for")
    assert all(shown(navigator, each) == "word_for" for each in places)
    assert [each.path for each in places].count(WORDS) == 1


def test_what_is_gone_from_a_buffer_or_from_disk_has_no_place(navigate, root: Path):
    assert navigate({WORDS: "nothing here\n"}).named("word_for") == []
    (root / WORDS).unlink()
    assert navigate().named("word_for") == []


def test_what_only_a_buffer_defines_is_found(navigate):
    navigator = navigate({"greeter/new.py": "def brand_new():\n    pass\n"})
    assert [each.path for each in navigator.named("brand_new")] == ["greeter/new.py"]
    assert [each.path for each in navigator.matching("brnew")] == ["greeter/new.py"]


def test_a_secret_has_no_definitions_even_when_it_is_open(navigate):
    navigator = navigate({"keys/.env": "PASSWORD=hunter2-hunter2\n"})
    assert navigator.outline("keys/.env") == []
    assert navigator.matching("PASSWORD") == []


def test_symbols_are_found_by_letters_and_by_scope(navigate):
    navigator = navigate()
    assert [each.qualified for each in navigator.matching("greet")][:2] == [
        "Greeter.greet",
        "Greeter",
    ]
    assert [each.qualified for each in navigator.matching("WDFR")] == ["word_for"]
    assert [each.qualified for each in navigator.matching("Greeter.greet")] == ["Greeter.greet"]
    assert [each.qualified for each in navigator.matching("greeter::gr")] == ["Greeter.greet"]
    assert len(navigator.matching("", 3)) == 3
    assert navigator.matching("a%b_c\\'\"\0" * 100) == []


def test_the_innermost_definition_around_a_place(navigate):
    navigator = navigate()
    text = navigator.texts.of(GREET).text
    assert navigator.enclosing(GREET, text.index("return")).qualified == "Greeter.greet"
    assert navigator.enclosing(GREET, text.index("from")) is None


def test_about_a_name(navigate):
    navigator = navigate()
    text = navigator.texts.of(GREET).text
    word = word_at(text, text.index("Greeter"))
    entry = WorkingEntry(Node(2, GREET), 2, 5, 1.0, (), GREET, 6, 14, silent=False, pinned=False)
    told = about(navigator, word, GREET, [entry])
    assert [each.name for each in told.members] == ["__init__", "greet"]
    assert ("tests/test_greet.py", "test_greeting") in {
        (each.path, each.within) for each in told.users
    }
    assert told.level == 2
    assert about(navigator, word_at("nothing", 1), GREET, []) is None


def test_what_is_told_of_a_name_holds_for_unsaved_text(navigate):
    saved = navigate().texts.of(GREET).text
    text = "# one more\n" * 20 + saved.replace("word_for(", "other(")
    fresh = "from greeter.words import word_for\n\ndef late():\n    return word_for('en')\n"
    navigator = navigate({GREET: text, "late.py": fresh})
    entry = WorkingEntry(Node(2, GREET), 2, 5, 1.0, (), GREET, 6, 14, silent=False, pinned=False)
    told = about(navigator, word_at(text, text.index("Greeter")), GREET, [entry])
    assert told.definitions[0].line == 26
    assert told.level == 2  # memory has read it 20 lines above
    told = about(navigator, word_at(fresh, fresh.index("word_for")), "late.py", [])
    users = {(each.path, each.within) for each in told.users}
    assert ("late.py", "late") in users
    assert (GREET, "Greeter.greet") not in users
    entry = WorkingEntry(Node(2, ""), 4, 5, 1.0, (), "", 0, 0, silent=False, pinned=False)
    assert about(navigator, word_at(fresh, fresh.index("late")), "late.py", [entry]).level is None


@pytest.mark.parametrize(
    ("text", "offset", "name", "qualifier"),
    [
        ("a.b(c)", 3, "b", "a"),
        ("x->y", 4, "y", "x"),
        ("std::move", 6, "move", "std"),
        ("über", 0, "über", ""),
        ("  ", 1, None, ""),
        ("x = 42", 5, None, ""),
        ("w" * 5000, 2500, None, ""),
        ("one\ntwo", 4, "two", ""),
    ],
)
def test_the_name_at_a_place(text, offset, name, qualifier):
    found = word_at(text, offset)
    assert (found.name if found else None) == name
    assert found is None or (found.qualifier == qualifier and text[found.start : found.end] == name)


@given(st.text(alphabet="aé😀\n\r\t \ufeff", max_size=60), st.booleans())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_bytes_become_characters_wherever_they_are(text, marked):
    data = b"\xef\xbb\xbf" * marked + text.encode()
    shown_text = Text("a", text, data, digest(data), int(marked))
    for offset in range(len(text) + 1):
        assert shown_text.offset(3 * marked + len(text[:offset].encode())) == offset
    for start in range(len(text) + 1):
        lines = text.split("\n")
        for number in range(text.count("\n", 0, start) + 1, len(lines) + 1):
            found = text[slice(*shown_text.line_behind(start, number))]
            assert found == lines[number - 1].removesuffix("\r")


TYPED = ["", "\n", "😀", "\r\n", "def word_for(x): ...\n", "word_for", "#", "'''", "    "]
EDITS = st.lists(
    st.tuples(
        st.sampled_from([GREET, WORDS]),
        st.integers(0, 600),
        st.integers(0, 30),
        st.sampled_from(TYPED),
    ),
    min_size=1,
    max_size=6,
)


@given(EDITS)
@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    deadline=None,
)
def test_whatever_is_typed_no_place_is_a_wrong_one(root, navigate, edits):
    buffers = {path: (root / path).read_text() for path in (GREET, WORDS)}
    for path, at, removed, text in edits:
        old = buffers[path]
        buffers[path] = old[:at] + text + old[at + removed :]
    navigator = navigate(buffers)
    for name in ("word_for", "Greeter", "greet"):
        found = [*navigator.named(name), *navigator.matching(name)]
        places = [each.at for each in found if each.name == name]
        places += navigator.uses(name)
        assert all(shown(navigator, each) == name for each in places)
    for path, text in buffers.items():
        for each in navigator.outline(path):
            assert 0 <= each.whole.start <= each.at.start <= each.at.end <= len(text)
