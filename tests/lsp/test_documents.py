import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from megacontext.lsp.documents import Document, Documents
from megacontext.lsp.positions import ENCODINGS, content, position_of, split_lines

TEXT = st.text(st.sampled_from("ab é𝒳\n\r\f"), max_size=30)
NUMBER = st.integers(0, 40)


def document(text: str, encoding=ENCODINGS[1]) -> Document:
    return Document(types.TextDocumentItem("file:///a.py", "python", 1, text), encoding)


def spliced(where: types.Range, text: str) -> types.TextDocumentContentChangePartial:
    return types.TextDocumentContentChangePartial(where, text)


@given(TEXT, st.sampled_from(ENCODINGS), st.lists(st.tuples(TEXT, st.data()), max_size=4))
def test_edits_end_in_the_text_that_the_editor_has(text, encoding, edits):
    own = document(text, encoding)
    for version, (fresh, data) in enumerate(edits, start=2):
        lines = split_lines(text)
        row = st.integers(0, len(lines) - 1)
        places = sorted(
            (line, data.draw(st.integers(0, len(content(lines[line])))))
            for line in (data.draw(row), data.draw(row))
        )
        start, end = (sum(map(len, lines[:line])) + column for line, column in places)
        where = types.Range(*(position_of(lines, *place, encoding) for place in places))
        own.change([spliced(where, fresh)], version)
        text = text[:start] + fresh + text[end:]
        assert own.text == text
        assert own.lines == split_lines(text)
        assert own.version == version


@given(TEXT, TEXT, NUMBER, NUMBER, NUMBER, NUMBER)
def test_an_edit_out_of_range_is_one_at_the_nearest_place(text, fresh, a, b, c, d):
    own = document(text)
    own.change([spliced(types.Range(types.Position(a, b), types.Position(c, d)), fresh)], 2)
    assert fresh in own.text
    assert own.lines == split_lines(own.text)


@given(TEXT, st.sampled_from(ENCODINGS), st.data())
def test_offsets_and_positions_agree(text, encoding, data):
    own = document(text, encoding)
    offset = data.draw(st.integers(0, len(text)))
    at = own.position(offset)
    # Between CR and LF there is no position.
    between = text[offset - 1 : offset + 1] == "\r\n"
    assert own.offset(at) == offset - between


@given(TEXT, st.data())
def test_memory_counts_line_feeds_alone(text, data):
    own = document(text)
    offset = data.draw(st.integers(0, len(text)))
    place = own.place_at("a.py", offset)
    lines = text.split("\n")
    assert sum(len(line) + 1 for line in lines[: place.line - 1]) + place.column - 1 == offset


def test_a_whole_text_takes_the_place_of_the_one_before():
    own = document("a\nb")
    own.change([types.TextDocumentContentChangeWholeDocument("c\r\nd")], 7)
    assert (own.text, own.lines, own.version) == ("c\r\nd", ["c\r\n", "d"], 7)


@pytest.mark.parametrize("uri", ["file:///a.py", "untitled:Untitled-1"])
def test_what_is_not_open_is_not_changed(uri):
    documents = Documents()
    identifier = types.VersionedTextDocumentIdentifier(2, uri)
    assert documents.change(types.DidChangeTextDocumentParams(identifier, [])) is None
    assert documents.close(uri) is None
    assert documents.get(uri) is None
