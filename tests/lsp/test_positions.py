import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from megacontext.lsp.positions import (
    ENCODINGS,
    column_of,
    content,
    place_of,
    position_of,
    split_lines,
    units,
)

TEXT = st.text(st.sampled_from("ab é✓𝒳\N{COMBINING ACUTE ACCENT}\t\n\r\f\v\x85\u2028"), max_size=40)
ENCODING = st.sampled_from(ENCODINGS)
HUGE = 2**31 - 1


@given(TEXT)
def test_lines_are_the_text_and_end_as_the_protocol_says(text):
    lines = split_lines(text)
    assert "".join(lines) == text
    assert not lines[-1].endswith(("\n", "\r"))
    assert all(line.endswith(("\n", "\r")) for line in lines[:-1])
    assert len(lines) == text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1


def test_a_last_line_of_a_million_characters_is_split_as_any_other():
    text = "x" * 1_000_000
    assert split_lines(text) == [text]
    assert split_lines(f"a\r\n{text}") == ["a\r\n", text]


@pytest.mark.parametrize(
    ("encoding", "character"),
    [(ENCODINGS[0], 7), (ENCODINGS[1], 5), (ENCODINGS[2], 4)],
)
def test_the_closing_quote_behind_a_character_of_four_bytes(encoding, character):
    line = 'x="😋"\r\n'
    assert column_of(line, character, encoding) == 4
    assert units(line[:4], encoding) == character


@given(TEXT, ENCODING, st.data())
def test_places_survive_the_way_to_the_client_and_back(text, encoding, data):
    lines = split_lines(text)
    line = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(content(lines[line]))))
    at = position_of(lines, line, column, encoding)
    assert place_of(lines, at, encoding) == (line, column)


@given(TEXT, ENCODING, st.integers(0, 50), st.one_of(st.integers(0, 90), st.just(HUGE)))
def test_any_position_is_a_place_in_the_text(text, encoding, line, character):
    lines = split_lines(text)
    row, column = place_of(lines, types.Position(line, character), encoding)
    assert 0 <= column <= len(content(lines[row]))
    if line < len(lines):
        assert row == line
        # Never behind what was asked for, and at most one character before it.
        assert units(lines[row][:column], encoding) <= character
    else:
        assert (row, column) == (len(lines) - 1, len(lines[-1]))


@given(TEXT, ENCODING)
def test_units_are_those_of_the_codec(text, encoding):
    codec, size = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[
        encoding.value
    ]
    assert units(text, encoding) == len(text.encode(codec)) // size
