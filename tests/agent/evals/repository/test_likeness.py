"""Likeness of what was made to what is true."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.evals.repository.likeness import edit_similarity, identifier_f1, is_exact

lines = st.text("ab_ (.=1é", max_size=12)


@given(lines, lines)
def test_measures_lie_between_0_and_1_and_are_symmetric(one, other):
    for measure in (edit_similarity, identifier_f1):
        assert 0 <= measure(one, other) <= 1
        assert measure(one, other) == measure(other, one)


@given(lines)
def test_what_is_the_same_is_as_good_as_can_be(line):
    assert is_exact(f"  {line}\n", line)
    assert edit_similarity(line, f" {line} ") == identifier_f1(line, line) == 1


@pytest.mark.parametrize(
    ("made", "true", "similarity", "f1"),
    [
        ("kitten", "sitting", 1 - 3 / 7, 0),
        ("", "abcd", 0, 0),
        ("rows = f(a, b)", "rows = f(a, c)", 1 - 1 / 14, 3 / 4),
        ("f(a, a)", "f(a)", 1 - 3 / 7, 4 / 5),
        ("return (1)", "return (2)", 0.9, 1),
    ],
)
def test_known_figures(made, true, similarity, f1):
    assert edit_similarity(made, true) == pytest.approx(similarity)
    assert identifier_f1(made, true) == pytest.approx(f1)
