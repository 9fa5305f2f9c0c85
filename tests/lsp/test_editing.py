"""Edits for clients: made as a client makes them, they give the text that was meant."""

from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from megacontext.agent.edits.text_file import plain
from megacontext.lsp.documents import Document
from megacontext.lsp.editing import text_edits
from megacontext.lsp.positions import ENCODINGS

TEXTS = st.text(alphabet="ab😀é\n\r", max_size=40)


@given(TEXTS, TEXTS, st.sampled_from(ENCODINGS))
def test_edits_lead_from_one_text_to_the_other(before, after, encoding):
    view = SimpleNamespace(encoding=encoding)
    document = Document(types.TextDocumentItem("u", "", 1, before), encoding)
    edits = text_edits(before, after, view)
    # From the end on, as clients do, so that no edit moves another.
    for edit in reversed(edits):
        document.change([types.TextDocumentContentChangePartial(edit.range, edit.new_text)], 2)
    assert plain(document.text) == plain(after)
    if plain(before) == plain(after):
        assert edits == []


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_what_is_put_in_has_the_line_ends_of_the_document(end):
    view = SimpleNamespace(encoding=ENCODINGS[1])
    [edit] = text_edits(f"one{end}two{end}", "one\nnew\nmore\ntwo\n", view)
    assert edit.new_text == f"new{end}more{end}"
    assert edit.range == types.Range(types.Position(1, 0), types.Position(1, 0))
