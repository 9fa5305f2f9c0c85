"""The benchmarks' own files, read into one shape; what JSON lost is given back."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.evals.code.agreeing import Agreement, agreement, close
from megacontext.agent.evals.code.hub import _row
from megacontext.agent.evals.code.infilling import KINDS, gap
from megacontext.agent.evals.code.passing import pass_at
from megacontext.agent.evals.code.problems import Problem, from_rows, read_problems
from megacontext.agent.evals.code.prompting import answered, asked
from megacontext.agent.evals.code.sandbox.inside.wire import Opaque
from megacontext.agent.evals.code.shapes import alike, arguments
from megacontext.configs.errors import SettingsError

DATA = Path(__file__).parent / "data"
FILES = ["HumanEval", "HumanEvalPlus", "MbppPlus"]


def problems(name: str) -> dict[str, Problem]:
    return {each.id: each for each in read_problems(DATA / f"{name}.jsonl").problems}


@pytest.mark.parametrize("name", FILES)
def test_a_compressed_file_holds_the_same_problems(tmp_path, name):
    plain = DATA / f"{name}.jsonl"
    packed = tmp_path / f"{name}.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_problems(packed) == read_problems(plain)


def test_tests_come_as_code_or_as_calls():
    human, plus, mbpp = (problems(name) for name in FILES)
    assert human["HumanEval/2"].exam.test.endswith("check(truncate_number)\n")
    assert plus["HumanEval/2"].exam is None
    assert plus["HumanEval/2"].base_calls == 3
    assert len(plus["HumanEval/2"].calls) == 15
    assert plus["HumanEval/32"].agreement == Agreement("root", 1e-4)
    assert [each.agreement.how for each in mbpp.values()] == ["set", "equal", "truth"]


def test_arguments_have_the_types_that_json_has_not():
    mbpp = problems("MbppPlus")
    assert mbpp["Mbpp/2"].calls[0] == ((3, 4, 5, 6), (5, 7, 4, 10))
    assert all(isinstance(each, tuple) for call in mbpp["Mbpp/2"].calls for each in call)
    assert mbpp["Mbpp/124"].calls[0] == (0.0, 1j)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "holds no problem"),
        ("{", "lines of JSON"),
        ('{"task_id": "x"}', "problem 1 .*KeyError: 'prompt'"),
        (
            '{"task_id": "x", "prompt": "", "entry_point": "f", "canonical_solution": "", "test": ")"}',
            "problem 1 .*SyntaxError",
        ),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path, content, why):
    (tmp_path / "x.jsonl").write_text(content)
    with pytest.raises(SettingsError, match=why):
        read_problems(tmp_path / "x.jsonl")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_problems(tmp_path / "missing.jsonl.gz")


def test_rows_of_the_hub_become_the_same_kind_of_problem():
    row = {
        "task_id": 7,
        "prompt": "Write a function that adds one.",
        "code": "def helper(x):\n    return x\ndef add(x):\n    return helper(x) + 1\n",
        "test_list": ["assert add(1) == 2", "assert add(2) == 3"],
        "test": "for i in range(3):\n    assert add(i) == i + 1\n",
    }
    (problem,) = from_rows([_row(row)], "hub").problems
    assert problem.id == "Mbpp/7"
    assert problem.entry == "add"
    assert problem.exam.test == row["test"]
    assert "assert add(1) == 2" in problem.prompt


@pytest.mark.parametrize(
    ("examples", "data", "wanted"),
    [
        ([(1, 2)], [3], (3,)),
        ([[(1, 2), (3, 4)]], [[5, 6]], [(5, 6)]),
        ([{1}], [2, 2], {2}),
        ([(1, (2, 3))], [1, [2, [3]]], (1, (2, (3,)))),
        ([("a", [1]), ("b", [2])], ["c", [3]], ("c", [3])),
        ([1j], "2j", 2j),
        ([1, 2], "0.5", 0.5),
        ([1, 2], "(1+2j)", 1 + 2j),
        ([1, "a"], "2", "2"),
        ([1], "none", "none"),
        ([{"a": (1,)}], {"b": [2]}, {"b": (2,)}),
        ([(1,), [1]], [2], [2]),
        ([{(1,)}], [[1, [2]]], {(1, (2,))}),
        ([], [[1]], [[1]]),
        ([1], [2], [2]),
    ],
)
def test_data_are_made_alike_to_examples(examples, data, wanted):
    found = alike(examples, data)
    assert found == wanted
    assert repr(found) == repr(wanted)


def test_only_literals_are_examples():
    source = "assert f(1, (2,)) == f(-3)\nassert f(x) and g(5) and f([1, 2][0])"
    assert arguments(source, "f") == [(1, (2,)), (-3,)]


@pytest.mark.parametrize(
    ("prompt", "how"),
    [
        ('"""\nassert f(1) == 2\n"""', "equal"),
        ('"""\nassert set(f(1)) == set([2])\n"""', "set"),
        ('"""\nassert f(1)\n"""', "truth"),
        ('"""\nassert not f(1)\n"""', "truth"),
        ('"""\nassert f(1) ==\n"""', "equal"),
        ('"""\nassert g(1)\n"""', "equal"),
        ("def f(x):\n", "equal"),
    ],
)
def test_what_has_to_agree_is_told_by_the_prompt(prompt, how):
    assert agreement(prompt, "f", 0.0).how == how


@pytest.mark.parametrize(
    ("how", "expected", "found", "right"),
    [
        ("equal", 0.1 + 0.2, 0.3, True),
        ("equal", [1.0, (2.0,)], [1.0000000001, (2.0,)], True),
        ("equal", [1.0], (1.0,), False),
        ("equal", [1, 2], [1], False),
        ("equal", {"a": 0.3}, {"a": 0.1 + 0.2}, True),
        ("equal", {"a": 1}, {"b": 1}, False),
        ("equal", 1.0, None, False),
        ("equal", 1.0, 1.1, False),
        ("equal", float("nan"), float("nan"), True),
        ("equal", float("inf"), float("inf"), True),
        ("equal", 1j, 1j + 1e-9, True),
        ("equal", 10**400, 1.0, False),
        ("equal", 1.0, 10**400, False),
        ("set", (1, 2), [2, 1, 1], True),
        ("set", (1, 2), [2, [1]], False),
        ("set", (1, 2), None, False),
        ("truth", Opaque("Match", True), True, True),
        ("truth", None, Opaque("Match", True), False),
        ("truth", False, None, True),
    ],
)
def test_values_agree_or_not(how, expected, found, right):
    assert Agreement(how).holds((), expected, found) is right


@pytest.mark.parametrize(
    ("found", "right"), [(-1.0, True), (1.0, False), ("1", False), (None, False)]
)
def test_any_root_is_right(found, right):
    assert Agreement("root", 1e-4).holds(([1, 1],), None, found) is right


@given(st.floats(allow_nan=True) | st.lists(st.floats() | st.integers()))
def test_every_value_agrees_with_itself(value):
    assert close(value, value, 0.0)


@given(st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_right_one(data):
    from itertools import combinations

    samples = data.draw(st.integers(1, 7))
    right, k = data.draw(st.integers(0, samples)), data.draw(st.integers(1, samples))
    draws = list(combinations([1] * right + [0] * (samples - right), k))
    assert pass_at(k, samples, right) == pytest.approx(sum(map(any, draws)) / len(draws))


@pytest.mark.parametrize("k", [0, 3])
def test_pass_at_k_needs_k_samples(k):
    with pytest.raises(ValueError, match="there are 2"):
        pass_at(k, 2, 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FILES)
def test_what_is_taken_out_and_put_back_makes_the_program_whole(kind, name):
    for problem in problems(name).values():
        whole = problem.program(problem.solution)
        gaps = [gap(problem, kind, str(seed)) for seed in range(20)]
        assert {each.program(each.middle) for each in gaps} == {whole}
        assert all(each.middle.strip() for each in gaps)
        assert all(each.prefix.startswith(problem.prompt) for each in gaps)
        assert gaps == [gap(problem, kind, str(seed)) for seed in range(20)]
        if kind == "infill-line":
            assert all("\n" not in each.middle for each in gaps)


HELPED = Problem(
    "x/1",
    "import math\n\ndef helper():\n    return 1\n\ndef f(x):\n    '''Doc.'''\n",
    "f",
    "    return x\n",
)


def test_a_model_that_chats_is_asked_for_the_whole_function():
    text = asked(HELPED).messages[0].content
    assert "```python\nimport math" in text
    assert "`f`" in text


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        (
            "Sure:\n```python\ndef f(x):\n    return 2\n```\nDone.",
            "import math\n\ndef helper():\n    return 1\n\n\ndef f(x):\n    return 2\n\n",
        ),
        (
            "```\nprint(1)\nprint(2)\n```\n```py\nasync def f(x):\n    return 2\n```",
            "import math\n\ndef helper():\n    return 1\n\n\nasync def f(x):\n    return 2\n\n",
        ),
        (
            "```python\ndef f(x):\n    return 3\n",
            "import math\n\ndef helper():\n    return 1\n\n\ndef f(x):\n    return 3\n\n",
        ),
        ("    return 4\n", HELPED.prompt + "    return 4\n"),
        ("", HELPED.prompt),
    ],
)
def test_an_answer_becomes_a_program(answer, source):
    assert answered(HELPED, answer).source == source


def test_the_digest_is_of_all_the_problems():
    rows = [json.loads(line) for line in (DATA / "HumanEval.jsonl").read_text().splitlines()]
    assert from_rows(rows, "x").digest != from_rows(rows[:1], "x").digest
