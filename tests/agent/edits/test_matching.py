"""The one place that is meant: found with tolerance, never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.edits.matching import find
from megacontext.configs.errors import ToolError

CODE = """\
import os


class Greeter:
    def __init__(self, language):
        self.language = language

    def greet(self, name):
        if name:
            return f"Hello, {name}"
        return "Hello"


def other():
    if name:
        return 1
"""


def replaced(text: str, old: str, new: str, **options: bool) -> str:
    parts, at = [], 0
    for place in find(text, old, new, **options).replacements:
        parts += [text[at : place.start], place.text]
        at = place.end
    return "".join([*parts, text[at:]])


@pytest.mark.parametrize(
    ("old", "new", "gone", "there"),
    [
        ('return "Hello"', 'return "Hi"', '        return "Hello"\n', '        return "Hi"\n'),
        ("import os\n", "", "import os\n", ""),
        ("```python\nimport os\n```", "```python\nimport re\n```", "import os", "import re"),
        ("    1| import os", "    1| import re", "import os", "import re"),
        ("    5|     def __init__(self, language):\n    6|         self.language = language",
         "    5|     def __init__(self):\n    6|         pass",
         "def __init__(self, language):\n        self.language = language",
         "def __init__(self):\n        pass"),
        ("6: self.language = language\n7: \n8: def greet(self, name):", "6: pass\n7: \n8: def greet(self):",
         "self.language = language\n\n    def greet(self, name):", None),
        ("self.language = language   \n", "self.language = None\n",
         "self.language = language", "self.language = None"),
        ("def greet(self, name):\n    if name:\n        return f\"Hello, {name}\"",
         "def greet(self, name):\n    if not name:\n        return 1",
         "        if name:\n            return f\"Hello, {name}\"",
         "        if not name:\n            return 1"),
        ("def greet(self, name):\n\tif name:", "def greet(self, name):\n\tif 1:",
         "greet(self, name):\n        if name:", "greet(self, name):\n        if 1:"),
        ("\n\n    def __init__(self, language):\n\n", "\n\n    def __init__(self):\n\n",
         "__init__(self, language)", "__init__(self)"),
    ],
)  # fmt: skip
def test_what_is_plain_is_found(old, new, gone, there):
    if there is None:
        with pytest.raises(ToolError):
            replaced(CODE, old, new)
        return
    assert replaced(CODE, old, new) == CODE.replace(gone, there)


def test_whatever_was_put_right_is_said():
    assert find(CODE, "import os", "x").notes == ()
    assert "``` fence" in find(CODE, "```\nimport os\n```", "x").notes[0]
    assert "indentation" in find(CODE, "def greet(self, name):\n    if name:", "x").notes[0]


@pytest.mark.parametrize(
    ("old", "named"),
    [
        ("if name:", "lines 9, 15"),
        ("return", "lines 10, 11, 16"),
        ("  if name:", "lines 9, 15"),
        ("", "empty"),
        ("   \n", "empty"),
        ("import sys", "nearest is:\n    1| import os"),
        ("if name:\n    return 2", "nearest is"),
        ("def __init__(self, lang):\n    self.language = language", "5|     def __init__"),
        ("zzzzzz", "read the file"),
    ],
)
def test_what_is_not_plain_is_refused_and_the_places_are_named(old, named):
    with pytest.raises(ToolError) as caught:
        find(CODE, old, "something else")
    assert named in str(caught.value)


def test_places_that_overlap_are_two():
    with pytest.raises(ToolError, match="2 times"):
        find("x\nx\nx\n", "x\nx\n", "y\n")


def test_every_place_is_replaced_where_that_is_wanted():
    assert replaced(CODE, "name", "who", everywhere=True) == CODE.replace("name", "who")
    assert replaced("aaaa", "aa", "b", everywhere=True) == "bb"


def test_an_edit_that_is_made_already_is_said_to_be():
    with pytest.raises(ToolError, match="made already"):
        find(CODE, "import sys", "import os")


def test_windows_lines_are_found_and_others_are_not_touched():
    text = "a\r\nb\r\nc\nd\r\n"
    assert replaced(text, "b\nc\n", "B\n") == "a\r\nB\nd\r\n"
    assert replaced(text, "a\r\nb", "x") == "x\r\nc\nd\r\n"


@given(st.lists(st.sampled_from(["a", "b", "\n", "\r\n", "\r"]), max_size=14), st.data())
def test_any_line_end_is_any_other(parts, data):
    text = "".join(parts)
    start = data.draw(st.integers(0, len(parts)))
    end = data.draw(st.integers(start, len(parts)))
    old = "".join(parts[start:end]).replace("\r\n", "\n").replace("\r", "\n")
    if old.strip():
        found = find(text, old, "N", everywhere=True).replacements
        assert all(
            text[each.start : each.end].replace("\r\n", "\n").replace("\r", "\n") == old
            for each in found
        )


def test_a_last_line_without_an_end_is_found():
    assert replaced("a\nb", "b\n", "c\n") == "a\nc"
    assert replaced("a\nb", "  b\n", "  c\n") == "a\nc"


@pytest.mark.parametrize(
    ("text", "old"),
    [
        ("a" * 300_000, "a" * 1_000),
        (("x" * 50 + "\n") * 20_000, ("x" * 50 + "\n") * 10_000 + "y"),
        ("x" * 1_000_000, "y" * 500_000),
        ("\r\n" * 200_000, "a\n" * 1_000),
        ("e " * 20_000, "e"),
    ],
)
def test_large_and_dull_files_take_no_longer(text, old):
    with pytest.raises(ToolError) as caught:
        find(text, old, "new", everywhere=True)
    assert len(str(caught.value)) < 10_000


@given(
    lines=st.lists(st.text("ab \t{}", max_size=6), min_size=1, max_size=12),
    data=st.data(),
)
def test_what_stands_there_once_as_written_is_what_is_replaced(lines, data):
    text = "\n".join(lines)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    old = text[start:end]
    if not old.strip() or any(text.startswith(old, at) for at in range(len(text)) if at != start):
        return
    assert replaced(text, old, "NEW") == text[:start] + "NEW" + text[end:]


@given(text=st.text("ab\n \r|1`", max_size=40), old=st.text("ab\n |1`", max_size=12))
def test_any_text_is_found_or_refused(text, old):
    try:
        places = find(text, old, "new").replacements
    except ToolError:
        return
    assert len(places) == 1
    assert 0 <= places[0].start <= places[0].end <= len(text)
