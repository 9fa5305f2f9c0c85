"""Markdown as lines: pieces are the whole text, growing draws as the whole does, nothing drives the terminal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.style import Style

from megacontext.tui.drawing.cutting import CODE_LINES, pieces
from megacontext.tui.drawing.look import ROLES, Look, look_of
from megacontext.tui.drawing.markdown import MarkdownLines
from megacontext.tui.glyphs import ASCII, UNICODE
from megacontext.tui.widgets.transcript.items import Answer, Said

TEXT = """# Title

A paragraph of *several*
lines, with `code` and List<int>.

- one
- two

  more of two

1. first

2. second

> quoted

```python
def f():

    return 1
```

| a | b |
|---|---|
| 1 | 2 |

The end.
"""


def look(glyphs=UNICODE) -> Look:
    return look_of(glyphs, {role: Style(bold=role == "strong") for role in ROLES}, dark=True)


LOOK = look()


def lines(text: str, width: int = 60) -> list[str]:
    return [strip.text.rstrip() for strip in MarkdownLines(text).strips(width, LOOK)]


def test_blocks_are_drawn():
    drawn = "\n".join(lines(TEXT))
    assert "# Title" in drawn
    assert "List<int>" in drawn
    assert " • one" in drawn and "more of two" in drawn
    assert " 1 first" in drawn and " 2 second" in drawn
    assert "  def f():" in drawn
    assert "```" not in drawn and "**" not in drawn


blocks = st.sampled_from(
    [
        "plain words",
        "- item\n- item",
        "```python\nx = 1\n\ny = 2\n```",
        "~~~\nno end",
        "> quote",
        "| a |\n|---|\n| b |",
        "## head",
        "    indented",
        "1. one\n\n2. two",
        "```\n" + "line\n" * (2 * CODE_LINES + 3) + "```",
    ]
)


@given(st.lists(blocks, max_size=8).map("\n\n".join))
def test_pieces_hold_every_line(text):
    held = [line for piece in pieces(text) for line in piece.text.splitlines() if line.strip()]
    wanted = [line for line in text.splitlines() if line.strip()]
    assert [line for line in held if not line.startswith(("```", "~~~"))] == [
        line for line in wanted if not line.startswith(("```", "~~~"))
    ]


@settings(max_examples=25, deadline=None)
@given(st.lists(blocks, min_size=1, max_size=5).map("\n\n".join), st.data())
def test_a_text_that_grew_is_drawn_as_one_that_came_at_once(text, data):
    growing = MarkdownLines()
    at = 0
    while at < len(text):
        step = data.draw(st.integers(1, 40))
        growing.add(text[at : at + step])
        growing.strips(40, LOOK)
        at += step
    whole = MarkdownLines(text).strips(40, LOOK)
    assert [strip.text for strip in growing.strips(40, LOOK)] == [strip.text for strip in whole]


def test_a_long_block_of_code_is_drawn_in_pieces_without_gaps():
    code = "".join(f"line {number}\n" for number in range(3 * CODE_LINES))
    drawn = lines(f"```\n{code}```\n")
    assert [line.strip() for line in drawn] == code.split("\n")[:-1]


def test_only_the_end_is_drawn_again():
    text = MarkdownLines("one\n\ntwo\n\nthree")
    before = text.strips(40, LOOK)
    text.add(" and more")
    after = text.strips(40, LOOK)
    assert after[0] is before[0] and after[-1] is not before[-1]


@pytest.mark.parametrize("kind", [Answer, Said])
def test_nothing_drives_the_terminal(kind):
    item = kind("a\x1b]0;title\x07\x1b[2Jb\u202ec <b>bold</b> [link](http://x.invalid)")
    text = "".join(strip.text for strip in item.draw(60, LOOK))
    assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert "<b>bold</b>" in text


def test_without_unicode_the_signs_are_ascii():
    drawn = MarkdownLines(TEXT).strips(60, look(ASCII))
    assert all(strip.text.isascii() for strip in drawn)


@given(st.text(max_size=200), st.integers(12, 80))
@settings(max_examples=60, deadline=None)
def test_no_line_is_wider_than_the_screen(text, width):
    for item in (Answer(text), Said(text)):
        assert all(strip.cell_length <= width for strip in item.draw(width, LOOK))
