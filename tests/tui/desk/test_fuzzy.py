"""Fuzzy matching: what fits, what fits better, and nothing that does not fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.tui.desk.fuzzy import best, score


@pytest.mark.parametrize(
    ("query", "better", "worse"),
    [
        ("app", "src/app.py", "src/mapping/parts.py"),
        ("tc", "tests/test_chat.py", "src/match.py"),
        ("greet", "greeter/greet.py", "greeter/words.py"),
        ("FM", "FocusMap", "confirm"),
        ("main", "main.py", "domain/index.py"),
        ("fuzzy", "fuzzy.py", "fuzzy_matching_of_many_things.py"),
    ],
)
def test_the_better_one_comes_first(query, better, worse):
    assert best(query, [worse, better], str, 2)[0] == better


def test_what_does_not_fit_is_left_out():
    assert score("xyz", "main.py") is None
    assert best("mz", ["main.py", "maze.py"], str, 9) == ["maze.py"]


def test_without_a_query_everything_fits_in_its_order():
    assert best("", ["b", "a", "c"], str, 2) == ["b", "a"]


def test_it_can_be_stopped():
    assert best("a", ["a"] * 5000, str, 9, stopped=lambda: True) == []


@given(st.text(max_size=12), st.text(max_size=40))
def test_it_fits_exactly_when_the_letters_are_there_in_order(query, candidate):
    low, rest = candidate.lower(), iter(candidate.lower())
    if len(low) == len(candidate) and len(query.lower()) == len(query):
        holds = all(letter in rest for letter in query.lower())
        assert (score(query, candidate) is not None) == holds


@given(st.lists(st.text(max_size=20), max_size=20), st.text(max_size=5), st.integers(1, 5))
def test_best_gives_candidates_and_no_more_than_wanted(candidates, query, limit):
    found = best(query, candidates, str, limit)
    assert len(found) <= limit
    assert set(found) <= set(candidates)
