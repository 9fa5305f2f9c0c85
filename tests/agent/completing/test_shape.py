from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.completing.shape import Shape


def shaped(pieces: Sequence[str], prefix: str, suffix: str) -> str:
    shape = Shape(prefix, suffix)
    return "".join([*map(shape.push, pieces), shape.finish()])


@pytest.mark.parametrize(
    ("prefix", "generated", "suffix", "kept"),
    [
        # The rest of a line
        ("x = ", "compute(1)\ny = 2\n", "", "compute(1)"),
        ("x = ", "compute(1)   \n", "", "compute(1)"),
        ("import os", "\nimport sys\n", "", ""),
        ("a = ", "b\nc = d", " + 1\n", "b"),
        # Blocks
        ("def f(x):", "\n    return x\n\n\ndef g():\n    pass\n", "", "\n    return x"),
        ("def f(x):\n    ", "y = x\n    return y\n\ndef g():", "\n", "y = x\n    return y"),
        ("def f(x):\n    ", "if x:\n        y()\n    z()\nw()", "\n", "if x:\n        y()\n    z()"),
        ("class A:\n    ", "def f(self):\n        pass\n\n    def g(self):", "", "def f(self):\n        pass"),
        ("if (a) {", "\n  b();\n}\nc();", "\n", "\n  b();\n}"),
        ("if (a) {", "\n  b();\n}\nc();", "\n}\n", "\n  b();"),
        ("", "import a\nimport b\n\n\nx = 1\n", "", "import a\nimport b"),
        # Brackets and quotes that stand there already
        ("f(", "a, b)", ")\n", "a, b"),
        ("f(", "a, g(b))", ")\n", "a, g(b)"),
        ("x = [f(", "a)]", ")]\n", "a"),
        ('x = "', 'hello"', '"\n', "hello"),
        ('f("', 'hello")', '")\n', "hello"),
        ("f(", "')')", ")\n", "')'"),
        ("f(", "a)", "\n", "a)"),
        # What follows and what went before
        ("    return ", "value\n    # done here\n", "\n    # done here\n", "value"),
        ("def f():\n    ", "compute_it()\n    return it", "\n    return it\n", "compute_it()"),
        ("total = compute()\n", "total = compute()\n", "", ""),
        ("", "total = compute()\ntotal = compute()\ntotal", "", "total = compute()"),
        ("x\n", "    \n", "", ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_where_a_completion_ends(prefix, generated, suffix, kept, size):
    pieces = [generated[at : at + size] for at in range(0, len(generated), size)]
    assert shaped(pieces, prefix, suffix) == kept


CODE = st.text('ab :{}()"\n', max_size=12)


@given(st.lists(CODE, max_size=6), CODE, CODE)
def test_what_stays_is_a_start_of_what_came_however_it_came(pieces, prefix, suffix):
    kept = shaped(pieces, prefix, suffix)
    whole = "".join(pieces)
    assert whole.startswith(kept)
    assert kept == shaped(list(whole), prefix, suffix)
    if not suffix.partition("\n")[0].strip():
        assert kept == kept.rstrip()


@given(CODE, CODE, CODE)
def test_nothing_stays_after_the_end(text, prefix, suffix):
    shape = Shape(prefix, suffix)
    shape.push(text)
    if shape.over:
        assert shape.push("more") == shape.finish() == ""


@given(CODE, CODE)
def test_in_the_middle_of_a_line_one_line_stays(text, suffix):
    assert "\n" not in shaped([text], "x = ", suffix)
