"""Cursors: where they stand, and what the tokens behind them need."""

import pytest

from megacontext.agent.evals.lens.scenes.places import PlaceFinder
from tests.agent.evals.lens.conftest import FILES, NAMES, PLACES


def find(repository, seed=1, count=99, **changes):
    return PlaceFinder(repository, PLACES.model_copy(update=changes), seed).find(count)


def test_the_same_seed_finds_the_same_places_and_another_one_others(repository):
    assert find(repository) == find(repository)
    assert [place.name for place in find(repository)] != [
        place.name for place in find(repository, seed=2)
    ]


def test_places_are_spread_over_files_and_stand_once_each(repository):
    first_of_each = find(repository, count=3)
    assert len({place.path for place in first_of_each}) == 3
    found = find(repository)
    assert len({place.name for place in found}) == len(found)
    for path in FILES:
        assert sum(place.path == path for place in found) <= PLACES.per_file


def test_a_cursor_stands_at_a_line_inside_a_function_between_its_tail_and_its_targets(repository):
    for place in find(repository):
        text = FILES[place.path]
        assert text.startswith(place.before) and place.before.endswith("\n")
        assert place.before.count("\n") == place.line - 1
        rest = text[len(place.before) :]
        assert rest.startswith("    ")
        assert len(place.tail) == PLACES.tail and len(place.targets) == PLACES.targets
        assert place.before.endswith(repository.model.decode(place.tail))
        assert rest.startswith(repository.model.decode(place.targets))


def test_what_a_place_needs_is_defined_there(repository):
    found = find(repository, need_share=1.0)
    assert found
    for place in found:
        (home,) = place.homes
        name = home.removeprefix("fruit/").removesuffix(".py")
        assert name in NAMES and home != place.path
        assert f"make_{name}_table" in repository.model.decode(place.targets)


def test_places_without_a_need_are_found_too(repository):
    found = find(repository, need_share=0.0)
    assert found and not any(place.homes for place in found)


@pytest.mark.parametrize("text", ["", "\n", "def f():\n", "x = 1\r\n\x0c\u2028y\n", "def f(:\n  ("])
def test_files_without_a_place_are_passed_over(repository, text):
    with repository.edited("fruit/apple.py", text.encode()):
        assert all(place.path != "fruit/apple.py" for place in find(repository))
