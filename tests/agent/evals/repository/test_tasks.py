"""Tasks: spots, edits, needles and bodies as they lie in a package."""

import ast

import pytest

from megacontext.agent.evals.repository.bodies import bodies_in, body_of
from megacontext.agent.evals.repository.editing import edit_at
from megacontext.agent.evals.repository.needles import described, needles_in
from megacontext.agent.evals.repository.spots import SpotFinder, is_own
from tests.agent.evals.repository.conftest import FILES, GARDEN, SHED

NEEDED = {"Plant", "tallest_plant", "sown_rows"}


@pytest.fixture
def spots(repository):
    return SpotFinder(repository, tail=40, longest=40, seed=3).find(9, 9)


def test_a_spot_stands_before_a_name_of_another_file(spots):
    assert {spot.name for spot in spots} == NEEDED
    for spot in spots:
        assert (spot.path, spot.homes) == ("plot/shed.py", ("plot/garden.py",))
        assert f"{spot.before}{spot.rest}\n" in SHED
        assert spot.rest.lstrip().startswith(spot.name)
        assert not spot.before.endswith(" "), "tokens hold the blank before a word"
        assert spot.line == spot.before.count("\n") + 1


def test_a_name_in_a_docstring_or_among_imports_is_no_spot(spots):
    assert all('"""' not in spot.rest and "import" not in spot.before[-40:] for spot in spots)


def test_a_name_that_the_prompt_holds_anyway_is_no_spot(repository):
    whole = SpotFinder(repository, tail=400, longest=40, seed=3).find(9, 9)
    assert whole == [], "the imports stand in the text before every cursor"


def test_the_same_seed_gives_the_same_tasks(repository, spots):
    assert SpotFinder(repository, tail=40, longest=40, seed=3).find(9, 9) == spots
    assert needles_in(repository, 6, 1) == needles_in(repository, 6, 1)
    assert bodies_in(repository, (1, 9), 1) == bodies_in(repository, (1, 9), 1)


@pytest.mark.parametrize(
    ("path", "own"),
    [
        ("plot/shed.py", True),
        ("tests/test_plot.py", False),
        ("plot/tests/one.py", False),
        ("conftest.py", False),
        ("plot/latest.py", True),
        ("plot/notes.txt", False),
    ],
)
def test_tests_are_no_part_of_what_a_package_does(path, own):
    assert is_own(path) is own


def test_an_edit_is_told_by_the_edited_file_alone(repository, spots):
    kinds = set()
    for spot in spots:
        for seed in range(6):
            edit = edit_at(repository, spot, seed)
            assert edit is not None
            kinds.add(edit.kind)
            assert edit.path == "plot/garden.py"
            assert edit.is_told(edit.fresh.decode())
            assert not edit.is_told(edit.stale.decode())
            ast.parse(edit.fresh)
            ast.parse(edit.stale)
            line = f"{edit.spot.before}{edit.spot.rest}".rpartition("\n")[2]
            assert edit.word in line
            assert edit.spot.rest.strip()
    assert kinds == {"added", "renamed", "changed"}


def test_an_edit_follows_the_line_that_needs_it(repository, spots):
    rows = next(spot for spot in spots if spot.name == "sown_rows")
    edit = edit_at(repository, rows, 1)
    assert edit is not None
    assert edit.kind == "changed"
    assert edit.spot.before.endswith("rows = sown_rows(")
    assert edit.spot.rest == f"length, {edit.word}=4)"
    assert edit.word.startswith("distance_")


def test_the_file_of_a_renaming_has_the_new_name_as_far_as_it_is_written(repository, spots):
    tallest = next(spot for spot in spots if spot.name == "tallest_plant")
    edit = next(
        edit
        for seed in range(20)
        if (edit := edit_at(repository, tallest, seed)) and edit.kind == "renamed"
    )
    assert f"import Plant, sown_rows, {edit.word}" in edit.spot.before
    assert edit.spot.rest == f" {edit.word}(bed)"


def test_needles_are_described_without_their_name_and_searched_for_without_their_words(repository):
    needles = needles_in(repository, 6, 1)
    symbols = {needle.symbol for needle in needles}
    assert symbols == {"tallest_plant", "planned_bed"}, "others have too few lines"
    for needle in needles:
        assert needle.description not in needle.text
        tree = ast.parse(needle.text)
        assert needle.text.split("\n")[needle.line - 1].lstrip().startswith("def ")
        assert len(FILES[needle.path]) > len(needle.text)
        assert ast.get_docstring(tree) == ast.get_docstring(ast.parse(FILES[needle.path]))


def test_a_description_does_not_tell_the_name_and_is_not_too_long():
    doc = "Finds rows, as find_rows\n    does.\n\n    More of it."
    assert described(doc, "find_rows") == "Finds rows, as it does. More of it."
    assert len(described("word " * 200, "f")) <= 600


def test_a_description_of_several_functions_is_none(repository):
    twice = GARDEN.replace(
        "The one plant that overlooks all of the others.",
        "A bed with one plant for every label that was given.",
    )
    with repository.edited("plot/garden.py", twice.encode()):
        assert needles_in(repository, 6, 1) == []


def test_a_body_and_what_is_around_it_are_the_file(repository):
    bodies = bodies_in(repository, (1, 9), 1)
    assert {"Plant.grown_by", "tallest_plant", "sown_rows"} <= {body.symbol for body in bodies}
    for body in bodies:
        assert body.file_with(body.spot.rest) == FILES[body.spot.path]
        assert ast.parse(body.missing)
        assert "raise NotImplementedError" in body.missing
        assert body.spot.before.endswith("\n")


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        ("    a = 1\n\n    return a\n\n\ndef g():\n    pass", "    a = 1\n\n    return a"),
        ("    if a:\n        b()\nx = 1", "    if a:\n        b()"),
        ("x = 1", ""),
        ("    a", "    a"),
    ],
)
def test_a_body_ends_where_its_indent_does(made, kept):
    assert body_of(made, 4) == kept


def test_the_package_is_what_it_is_made_of(repository):
    assert repository.files == (
        "plot/__init__.py",
        "plot/garden.py",
        "plot/shed.py",
        "tests/test_plot.py",
    )
    assert repository.text("plot/garden.py") == GARDEN
