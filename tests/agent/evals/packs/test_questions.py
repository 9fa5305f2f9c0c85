"""What is asked of a framework, and what is held out for it."""

import pytest

from megacontext.agent.evals.packs.frameworks import Framework
from megacontext.agent.evals.packs.questions import held_out, homes_of, questions_in
from megacontext.models.training.corpus.settings import PackageSource
from tests.agent.evals.packs.conftest import FRAMEWORK, QUAY
from tests.agent.evals.repository.conftest import archive

SOURCE = PackageSource(name="harbour", version="1.0", licence="MIT", skip=("/tests/",))


@pytest.fixture
def framework(tmp_path):
    return Framework.of(SOURCE, archive(tmp_path / "h.tar.gz", FRAMEWORK, "harbour-1.0"))


@pytest.fixture
def asked(framework):
    questions = questions_in(framework, "ferry", words=6, seed=1)
    return {each.symbol: each for each in questions if each.path == "harbour/quay.py"}


def test_public_definitions_are_asked_for_by_docstrings_that_stand_nowhere_else(asked):
    assert set(asked) == {"Mooring", "Mooring.tighten", "announced_berth"}, (
        "neither what is private, nor told in the docs, nor too short"
    )


def test_a_question_does_not_tell_the_name(tmp_path):
    told = {
        "a.py": 'def berth(x):\n    """Tells the berth and the other berths."""\n' + 4 * "    x\n"
    }
    framework = Framework.of(SOURCE, archive(tmp_path / "h.tar.gz", told, "harbour-1.0"))
    [question] = questions_in(framework, "ferry", words=3, seed=1)
    assert question.description == "Tells the it and the other berths."


def test_what_is_asked_for_is_held_out_and_nothing_else(framework, asked):
    left = held_out(framework, list(asked.values()))
    text = left.text("harbour/quay.py")
    for question in asked.values():
        assert question.description not in " ".join(text.split())
    assert len(text.splitlines()) == len(QUAY.splitlines()) - len(asked)
    assert "Lengthens a hawser" in text
    others = set(framework.files) - {"harbour/quay.py"}
    assert {path: left.text(path) for path in others} == {
        path: framework.text(path) for path in others
    }


def test_a_framework_that_nothing_is_asked_of_stays_as_it_is(framework):
    assert held_out(framework, []) == framework


def test_homes_are_the_lines_of_what_is_mounted(framework, asked):
    left = held_out(framework, list(asked.values()))
    lines = left.text("harbour/quay.py").splitlines()
    homes = homes_of(left)
    for symbol, opening in [
        ("Mooring", "class Mooring:"),
        ("Mooring.tighten", "    def tighten"),
        ("announced_berth", "def announced_berth"),
    ]:
        home = homes["harbour/quay.py", symbol]
        assert home.path == "harbour@1.0/harbour/quay.py"
        assert lines[home.start_line - 1].startswith(opening)
    assert (
        homes["harbour/quay.py", "Mooring"].end_line
        < homes["harbour/quay.py", "Mooring.tighten"].start_line
    )


def test_the_same_seed_asks_the_same(framework):
    assert questions_in(framework, "ferry", 6, 3) == questions_in(framework, "ferry", 6, 3)
