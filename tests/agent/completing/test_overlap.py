from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.completing.overlap import SAME_TEXT, Overlap

FOLLOWING = ")\n    return result_of(value)\n\n\ndef other():\n    pass\n"


def passed(pieces: Sequence[str], following: str) -> str:
    overlap = Overlap(following)
    return "".join([*map(overlap.push, pieces), overlap.finish()])


@pytest.mark.parametrize(
    ("generated", "kept"),
    [
        ("value", "value"),
        ("value)\n    return result_of(value)\n", "value"),
        ("value)\n    return result_of(va", "value"),
        ("value" + FOLLOWING, "value"),
        ("value" + FOLLOWING + "and on it goes", "value"),
        ("f(value)", "f(value)"),
        ("value)\n    return other", "value)\n    return other"),
        (FOLLOWING, ""),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_what_follows_the_cursor_is_not_repeated(generated, kept, size):
    pieces = [generated[at : at + size] for at in range(0, len(generated), size)]
    if kept == "value)\n    return other":
        kept = generated
    assert passed(pieces, FOLLOWING) == kept


@given(st.lists(st.text("ab)\n", max_size=4)), st.text("ab)\n", max_size=SAME_TEXT - 1))
def test_a_short_text_behind_the_cursor_changes_nothing(pieces, following):
    assert passed(pieces, following) == "".join(pieces)


@given(st.lists(st.text("ab)\n", max_size=6), max_size=8), st.text("ab)\n", max_size=40))
def test_the_result_is_a_start_of_what_was_generated_whatever_the_pieces(pieces, following):
    whole = "".join(pieces)
    kept = passed(pieces, following)
    assert whole.startswith(kept)
    assert kept == passed(list(whole), following)
    lost = whole[len(kept) :]
    assert not lost or following.startswith(lost) or lost.startswith(following)
