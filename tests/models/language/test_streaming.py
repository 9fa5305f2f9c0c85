"""Characters come whole and stop strings never show, however the tokens cut them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.models.language.scripted import ByteTokenizer
from megacontext.models.language.streaming import Detokenizer, PieceMaker, StopFilter

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@given(text=TEXT)
def test_bytes_make_exactly_the_characters_of_the_text(text):
    stream = Detokenizer(ByteTokenizer().decode)
    parts = [stream.push(byte) for byte in text.encode()] + [stream.flush()]
    assert "".join(parts) == text
    assert all("\ufffd" not in part for part in parts) or "\ufffd" in text


@given(ids=st.lists(st.integers(0, 255)))
def test_any_bytes_give_what_decoding_them_at_once_gives(ids):
    tokenizer = ByteTokenizer()
    stream = Detokenizer(tokenizer.decode)
    assert "".join([*map(stream.push, ids), stream.flush()]) == tokenizer.decode(ids)


@given(text=TEXT)
def test_a_bpe_tokenizer_streams_its_text(tokenizer, text):
    stream = Detokenizer(tokenizer.decode)
    assert "".join([*map(stream.push, tokenizer.encode(text)), stream.flush()]) == text


@given(
    parts=st.lists(st.text(alphabet="ab", max_size=4)),
    stops=st.lists(st.text(alphabet="ab", min_size=1, max_size=5), max_size=3),
)
def test_text_is_shown_up_to_the_first_stop_string(parts, stops):
    stream = StopFilter(stops)
    shown = "".join([stream.push(part) for part in parts] + [stream.flush()])
    text = "".join(parts)
    # What was complete first wins: a later, longer stop may begin earlier.
    ends = [(text.find(stop) + len(stop), stop) for stop in stops if stop in text]
    assert stream.stopped == bool(ends)
    if not ends:
        assert shown == text
    else:
        assert text.startswith(shown)
        assert not any(stop in shown for stop in stops)
        assert any(text[len(shown) :].startswith(stop) for stop in stops)


@pytest.mark.parametrize("stops", [("",), ()])
def test_no_stop_strings_hold_nothing_back(stops):
    stream = StopFilter([stop for stop in stops if stop])
    assert stream.push("abc") == "abc"


def test_pieces_carry_every_token_of_their_text():
    maker = PieceMaker(ByteTokenizer().decode, ["END"])
    pieces = [maker.push(byte, -1.0) for byte in "é-EXEND!".encode()] + [maker.flush()]
    pieces = [piece for piece in pieces if piece]
    assert [piece.text for piece in pieces] == ["é", "-", "EX"]
    assert pieces[0].token_ids == tuple("é".encode())
    assert pieces[2].token_ids == tuple(b"EX")
    assert pieces[0].mean_logprob == -1.0
    assert maker.stopped
