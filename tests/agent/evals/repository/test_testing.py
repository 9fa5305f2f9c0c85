"""Packages' own tests in the sandbox: what passes, what fails, and what only seems to pass."""

import pytest

from megacontext.agent.evals.repository.suites import suite_of
from megacontext.agent.evals.repository.testing import PackageTests, Verdicts
from megacontext.agent.sandbox.protection import protection
from megacontext.configs.errors import SandboxError
from tests.agent.evals.repository.conftest import FILES, GARDEN

pytestmark = pytest.mark.skipif(
    not protection("auto").filesystem, reason="nothing shuts programs in here"
)
PATH = "plot/garden.py"


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "plot"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.fixture
def tests(checkout, tmp_path):
    return PackageTests(checkout, ["tests"], 120, Verdicts(tmp_path / "verdicts.json"))


def test_the_package_as_it_is_passes(tests):
    assert tests.failure(PATH, GARDEN) == ""


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise NotImplementedError", "NotImplementedError"),
        ("return 0", "AssertionError"),
        ("import os; os._exit(0)", "tests are missing"),
    ],
)
def test_what_is_wrong_fails(tests, body, why):
    wrong = GARDEN.replace("more = days * rate", body)
    assert why in tests.failure(PATH, wrong)


def test_the_checkout_is_never_changed_and_a_verdict_is_kept(tests, checkout, tmp_path):
    wrong = GARDEN.replace("self.height + more", "more")
    assert tests.failure(PATH, wrong)
    assert (checkout / PATH).read_text() == GARDEN
    (checkout / PATH).unlink()
    again = PackageTests(checkout, ["tests"], 120, Verdicts(tmp_path / "verdicts.json"))
    assert again.failure(PATH, wrong)


def test_a_package_whose_tests_fail_as_it_is_is_refused(checkout, tmp_path):
    (checkout / "tests/test_plot.py").write_text("def test_it():\n    assert False\n")
    tests = PackageTests(checkout, ["tests"], 120, Verdicts(tmp_path / "verdicts.json"))
    with pytest.raises(SandboxError, match="leave them out of the settings"):
        tests.failure(PATH, GARDEN)


def test_bodies_are_judged_by_the_tests(bench):
    suite = suite_of("bodies", bench)
    (task,) = suite.tasks
    (record,) = suite.sample("none", [task])
    assert record["passed"] is False
    assert record["why"]
    own = bench.tests()["plot"]
    assert own.failure(task.spot.path, task.file_with(task.spot.rest)) == ""
