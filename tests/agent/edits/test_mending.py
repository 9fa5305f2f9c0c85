"""What is put right in code that a model wrote, and what is left alone."""

import pytest

from megacontext.agent.edits.mending import (
    elided,
    in_unit,
    indent_unit,
    moved,
    unfenced,
    unnumbered,
)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("```python\nx = 1\n```", "x = 1\n"),
        ("\n```\nx\ny\n```\n", "x\ny\n"),
        ("~~~\nx\n~~~", "x\n"),
        ("x = '```'", "x = '```'"),
        ("```\na\n```\ntext\n```\nb\n```", "```\na\n```\ntext\n```\nb\n```"),
        ("no fence", "no fence"),
    ],
)
def test_a_fence_around_everything_goes(written, code):
    mended = unfenced(written)
    assert mended.text == code
    assert bool(mended.notes) == (written != code)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("   12| a\n   13|     b\n", "a\n    b\n"),
        ("12|a\n13|    b", "a\n    b"),
        ("9| a\n10| \n11| b", "a\n\nb"),
        ("7→x\n8→y", "x\ny"),
        ("1| a\n3| b", "1| a\n3| b"),
        ("a | b\nc | d", "a | b\nc | d"),
        ("1: a\n2: b", "1: a\n2: b"),
    ],
)
def test_line_numbers_that_count_up_go(written, code):
    assert unnumbered(written).text == code


def test_looser_numbers_go_only_where_they_are_asked_for_and_several():
    assert unnumbered("1: a\n2: b", loosely=True).text == "a\nb"
    assert unnumbered("3 apples", loosely=True).text == "3 apples"


@pytest.mark.parametrize(
    "line",
    ["# ... existing code ...", "    # ...", "// ... rest of the file", "# rest of the code unchanged",
     "/* ... other methods ... */", "... rest of the class stays the same", "<!-- ... existing content ... -->",
     "# (remaining functions unchanged)", "# Other methods here", "// … same as before"],
)  # fmt: skip
def test_lines_that_stand_for_code_are_found(line):
    assert elided(f"a\n{line}\nb", "a\nb") == line.strip()
    assert elided(f"a\n{line}\nb", f"a\n  {line}\nb") is None


@pytest.mark.parametrize(
    "line",
    ["    ...", "...", "x = [...]", "print('...')", "# TODO: handle the rest", "# the existing code reads this",
     "def f(*args): ...", "# see other files", "Loading ...", "# 1. first ... second"],
)  # fmt: skip
def test_lines_that_do_not_are_left_alone(line):
    assert elided(f"a\n{line}\nb", "") is None


@pytest.mark.parametrize(
    ("lines", "unit"),
    [
        (["a", "  b", "    c", "  d"], "  "),
        (["a", "\tb", "\t\tc"], "\t"),
        (["a", "    b", "a"], "    "),
        (["a", "        b", "            c"], "    "),
        ([], "    "),
    ],
)
def test_the_step_of_indentation_is_told(lines, unit):
    assert indent_unit(lines) == unit


def test_tabs_and_spaces_follow_the_file():
    assert in_unit(["a", "\tb", "\t\tc"], "  ").text == "a\n  b\n    c"
    assert in_unit(["a", "    b", "        c"], "\t").text == "a\n\tb\n\t\tc"
    assert in_unit(["a", "  b", "    c"], "    ").text == "a\n    b\n        c"
    assert in_unit(["  a", "    b"], "    ").text == "  a\n      b"
    assert in_unit(["a", "  b", "     c"], "    ").notes == ()
    assert in_unit(["a", "    b"], "    ").notes == ()
    assert in_unit(["a", "  b", "  c"], "    ", {2}).text == "a\n    b\n  c"


def test_lines_move_together():
    assert moved(["  a", "    b", "", "c"], "  ", "      ", frozenset({3})) == [
        "      a",
        "        b",
        "",
        "c",
    ]


@pytest.mark.parametrize("part", ["# rest ", "... ", "# ... code ", "1| \n", " ", "```\n", "here "])
def test_dull_text_takes_no_longer(part):
    text = part * 20_000
    elided(text, "")
    unfenced(text)
    unnumbered(text, loosely=True)
    in_unit(text.split("\n"), "\t")
