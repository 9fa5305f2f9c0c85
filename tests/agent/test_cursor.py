import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.cursor import cursor_at, parse_place
from megacontext.configs.errors import FocusError
from megacontext.memory.chunking import chunk_file
from megacontext.memory.focus import Position

ODD = "ab\t\r\n\x0c\x0b\x1c\x85\u2028\u2029é\U0001f600"
TEXTS = st.text(alphabet=ODD, max_size=300)


def lines_of(text: str) -> list[str]:
    return text.split("\n")


@st.composite
def places(draw: st.DrawFn) -> tuple[str, int, Position]:
    """A text, an offset in it, and the same place as line and column."""
    text = draw(TEXTS)
    offset = draw(st.integers(0, len(text)))
    if text[offset - 1 : offset + 1] == "\r\n":
        offset -= 1  # no editor's cursor stands inside a line's end
    before = text[:offset]
    return text, offset, Position("a.py", before.count("\n") + 1, offset - before.rfind("\n"))


@given(places())
def test_prefix_and_suffix_are_the_text_around_the_place(drawn):
    text, offset, at = drawn
    cursor = cursor_at(text, at, 1000, 1000, len)
    assert cursor.prefix == text[:offset]
    assert cursor.suffix == text[offset:]
    assert (cursor.span.start_line, cursor.span.path) == (1, "a.py")


@given(places(), st.integers(1, 60), st.integers(0, 60))
def test_limits_hold_and_nothing_is_skipped(drawn, prefix, suffix):
    text, offset, at = drawn
    cursor = cursor_at(text, at, prefix, suffix, len)
    assert text[:offset].endswith(cursor.prefix)
    assert text[offset:].startswith(cursor.suffix)
    assert len(cursor.prefix) <= prefix
    assert len(cursor.suffix) <= suffix


@given(places(), st.integers(1, 60), st.integers(0, 60))
def test_the_span_is_the_lines_that_are_shown(drawn, prefix, suffix):
    text, offset, at = drawn
    cursor = cursor_at(text, at, prefix, suffix, len)
    start = offset - len(cursor.prefix)
    end = offset + len(cursor.suffix)
    touched = [text.count("\n", 0, place) + 1 for place in range(start, end)] or [at.line]
    assert (cursor.span.start_line, cursor.span.end_line) == (touched[0], touched[-1])


@given(st.text(alphabet=ODD.replace("\r", ""), max_size=300), st.integers(1, 40))
def test_the_prefix_rarely_moves_while_somebody_types(typed, limit):
    starts = []
    for size in range(len(typed) + 1):
        text = typed[:size]
        at = Position("a.py", text.count("\n") + 1, size - text.rfind("\n"))
        cursor = cursor_at(text + "\nrest\n", at, limit, 5, len)
        starts.append(size - len(cursor.prefix))
    assert starts == sorted(starts)
    assert len(set(starts)) <= len(typed) / max(1, limit // 2) * 2 + 2


def test_a_long_prefix_uses_most_of_its_room():
    text = "".join(f"value_{number} = {number}\n" for number in range(2000))
    at = Position("a.py", 1500, 1)
    cursor = cursor_at(text, at, 768, 256, lambda part: len(part) // 3)
    assert 500 < len(cursor.prefix) // 3 <= 768
    assert cursor.prefix.startswith("value_") and cursor.suffix.endswith("\n")
    assert 200 < len(cursor.suffix) // 3 <= 256


@given(TEXTS)
def test_lines_are_those_of_the_chunker(text):
    for chunk in chunk_file("a.txt", text.encode()).chunks:
        at = Position("a.txt", chunk.start_line, 1)
        cursor = cursor_at(text, at, 10_000, 10_000, len)
        assert cursor.prefix.count("\n") == chunk.start_line - 1
        assert chunk.end_line <= len(lines_of(text))


@pytest.mark.parametrize("text", ["", "one line", "two\nlines"])
def test_the_end_of_a_text_without_a_last_line_end_is_a_place(text):
    lines = lines_of(text)
    cursor = cursor_at(text, Position("a.py", len(lines), len(lines[-1]) + 1), 100, 100, len)
    assert (cursor.prefix, cursor.suffix) == (text, "")


@pytest.mark.parametrize(
    ("line", "column", "told"),
    [
        (4, 1, "has 3 lines, so there is no line 4"),
        (1, 4, "a.py:1 has 2 characters, so there is no column 4"),
        (2, 2, "a.py:2 has 0 characters"),
    ],
)
def test_a_place_that_is_not_there_is_named(line, column, told):
    with pytest.raises(FocusError, match=told):
        cursor_at("ab\r\n\nc", Position("a.py", line, column), 10, 10, len)


@pytest.mark.parametrize(
    ("typed", "place"),
    [
        ("a.py:3", ("a.py", 3, 1)),
        ("a.py:3:14", ("a.py", 3, 14)),
        ("odd:name.py:3:1", ("odd:name.py", 3, 1)),
        ("with space/ü.py:1:1", ("with space/ü.py", 1, 1)),
    ],
)
def test_a_place_is_read(typed, place):
    found = parse_place(typed)
    assert (found.path, found.line, found.column) == place


@pytest.mark.parametrize(
    "typed", ["", "a.py", ":3", "a.py:0", "a.py:3:0", "a.py:1:00", "a.py:-1", "a:" + "9" * 5000]
)
def test_what_is_no_place_is_refused(typed):
    with pytest.raises(FocusError, match="is no place"):
        parse_place(typed)
