"""Definitions replaced by name: fitted in, or refused; the file always parses as it did before."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.edits.parsing import breaks, definitions, syntax_fault
from megacontext.agent.edits.splicing import splice
from megacontext.agent.edits.symbols import find_symbol
from megacontext.configs.errors import ToolError

PYTHON = b'''\
"""Shapes."""

from math import pi

UNIT = 1


class Shape:
    """Something flat."""

    def __init__(self, name):
        self.name = name

    @property
    def area(self):
        return 0

    @area.setter
    def area(self, value):
        raise AttributeError

    def told(self):
        return """
  kept as it is
        """


def total(shapes):
    return sum(shape.area for shape in shapes)
'''
JAVASCRIPT = b"""\
// Adds.
export function add(a, b) {
  return a + b;
}

class Counter {
  constructor() {
    this.count = 0;
  }

  next() {
    return ++this.count;
  }
}

const half = (x) => x / 2;
"""
GO = b"package main\n\n// Add adds.\nfunc Add(a, b int) int {\n\treturn a + b\n}\n\ntype P struct {\n\tX int\n}\n"
C = b"struct point {\n    int x;\n};\n\nstatic int add(int a, int b)\n{\n    return a + b;\n}\n"


def spliced(path: str, data: bytes, name: str, code: str, place="replace", line=None) -> str:
    symbol = find_symbol(path, data, name, line)
    return splice(path, data, symbol, code, place).data.decode()


def refusal(path: str, data: bytes, name: str, code: str, place="replace") -> str:
    with pytest.raises(ToolError) as caught:
        spliced(path, data, name, code, place)
    return str(caught.value)


ADD = "export function add(a, b) {\n  return b + a;\n}"
NEW_TOLD = "    def told(self):\n        return 1\n"


@pytest.mark.parametrize(
    "code",
    [
        "def told(self):\n    return 1\n",
        "    def told(self):\n        return 1\n",
        "def told(self):\n        return 1",
        "\n\n  def told(self):\n    return 1\n\n",
        "```python\ndef told(self):\n    return 1\n```",
        "class Shape:\n    def told(self):\n        return 1\n",
        "   22| def told(self):\n   23|     return 1",
        "def told(self):\n\treturn 1\n",
        "def told(self):\r\n    return 1\r\n",
    ],
)
def test_a_method_is_fitted_in_however_it_was_laid_out(code):
    after = spliced("a.py", PYTHON, "Shape.told", code)
    old = PYTHON.decode()
    start, end = old.index("    def told"), old.index("\n\ndef total")
    assert after == old[:start] + NEW_TOLD + old[end:]


@pytest.mark.parametrize(
    "name", ["Shape.told", "told", "told()", "def told(self):", "Shape::told", "`told`", "Told", "Shape#told"]
)  # fmt: skip
def test_names_are_understood(name):
    assert find_symbol("a.py", PYTHON, name).qualified == "Shape.told"


def test_two_of_one_name_are_named_and_told_apart_by_a_line():
    with pytest.raises(ToolError, match=r"2 definitions.*lines 14-16.*lines 18-20.*`line`"):
        find_symbol("a.py", PYTHON, "area")
    assert find_symbol("a.py", PYTHON, "area", 19).signature == "def area(self, value)"


@pytest.mark.parametrize(
    ("name", "named"), [("tolt", "Shape.told"), ("Circle.told", "Shape.told"), ("zzz", "it defines")]
)  # fmt: skip
def test_an_unknown_name_is_refused_with_what_may_be_meant(name, named):
    with pytest.raises(ToolError, match=named):
        find_symbol("a.py", PYTHON, name)


def test_decorators_stay_unless_new_ones_are_written():
    kept = spliced("a.py", PYTHON, "area", "def area(self):\n    return 2", line=15)
    assert "    @property\n    def area(self):\n        return 2\n" in kept
    changed = spliced("a.py", PYTHON, "area", "@cached_property\ndef area(self):\n    return 2", line=15)  # fmt: skip
    assert "    @cached_property\n    def area(self):\n        return 2\n" in changed
    assert "@property" not in changed


def test_the_content_of_long_strings_is_not_indented_and_docstrings_are():
    code = 'def told(self):\n    """Tell.\n\n    More.\n    """\n    return """\nflush left\n"""'
    after = spliced("a.py", PYTHON, "told", code)
    assert '        """Tell.\n\n        More.\n        """\n' in after
    assert 'return """\nflush left\n"""' in after
    narrow = 'def told(self):\n  return """\n  two\n   three\n"""'
    after = spliced("a.py", PYTHON, "told", narrow)
    assert '    def told(self):\n        return """\n  two\n   three\n"""\n' in after


@pytest.mark.parametrize(
    ("path", "data", "name", "code", "there"),
    [
        ("a.js", JAVASCRIPT, "add", ADD, f"// Adds.\n{ADD}\n\nclass"),
        ("a.js", JAVASCRIPT, "add", f"// Adds.\n{ADD}", f"// Adds.\n{ADD}\n\nclass"),
        ("a.js", JAVASCRIPT, "Counter.next", "next() {\n  return 1;\n}",
         "\n  next() {\n    return 1;\n  }\n}\n"),
        ("a.js", JAVASCRIPT, "Counter.next", "next() {\n    return 1;\n}",
         "\n  next() {\n    return 1;\n  }\n}\n"),
        ("a.go", GO, "Add", "func Add(a, b int) int {\n    return b\n}",
         "// Add adds.\nfunc Add(a, b int) int {\n\treturn b\n}\n\ntype"),
        ("a.c", C, "add", "static int add(int a, int b)\n{\n    return b;\n}",
         "\n};\n\nstatic int add(int a, int b)\n{\n    return b;\n}\n"),
        ("a.c", C, "point", "struct point {\n    int y;\n};", "struct point {\n    int y;\n};\n\nstatic"),
    ],
)  # fmt: skip
def test_other_languages_are_spliced_alike(path, data, name, code, there):
    assert there in spliced(path, data, name, code)


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        ("total", "def total(shapes:\n    return 1", "no longer parse"),
        ("total", "def total(shapes):\nreturn 1", "no longer parse"),
        ("total", "return 1", "defines nothing"),
        ("total", "   \n", "empty"),
        ("total", "def total(shapes):\n    return 1\n\n\nclass Shape:\n    pass", "once more"),
        ("total", "def total(shapes):\n    # ... existing code ...\n    return 1", "leaves something out"),
        ("Shape", "def told(self):\n    return 1", "only a part of Shape"),
        ("Shape.told", "def told(self):\n    return 1\n\ndef more(self):\n    return '''", "no longer parse"),
        ("total", "def total(shapes):\n    return 'é\0'", "zero byte"),
    ],
)  # fmt: skip
def test_what_would_do_harm_is_refused(name, code, why):
    assert why in refusal("a.py", PYTHON, name, code)


def test_a_new_name_is_taken_and_said():
    symbol = find_symbol("a.py", PYTHON, "total")
    done = splice("a.py", PYTHON, symbol, "def whole(shapes):\n    return 1\n")
    assert done.notes == ("total is now called whole",)


def test_definitions_are_put_before_and_after_others():
    code = "def more(self):\n    return 2"
    after = spliced("a.py", PYTHON, "Shape.told", code, "after")
    assert '        """\n\n    def more(self):\n        return 2\n\n\ndef total' in after
    before = spliced("a.py", PYTHON, "Shape.__init__", code, "before")
    assert "    def more(self):\n        return 2\n\n    def __init__(self, name):\n" in before
    last = spliced("a.py", PYTHON, "total", "def more():\n    return 2", "after")
    assert last.endswith("for shape in shapes)\n\n\ndef more():\n    return 2\n")
    assert "once more" in refusal("a.py", PYTHON, "total", "def total(): pass", "after")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("final", [True, False])
def test_line_ends_byte_order_mark_and_the_last_line_are_kept(end, bom, final):
    text = "def a():\n    return 1\n\n\ndef b():\n    return 2" + "\n" * final
    data = bom + text.replace("\n", end).encode()
    symbol = find_symbol("a.py", data, "b")
    after = splice("a.py", data, symbol, "def b():\n    return 'é'\n").data
    expected = text.replace("return 2", "return 'é'").replace("\n", end)
    assert after == bom + expected.encode()


def test_a_file_in_another_encoding_keeps_its_bytes():
    data = "def a():\n    return 'é'\n\n\ndef b():\n    return 2\n".encode("latin-1")
    after = splice("a.py", data, find_symbol("a.py", data, "b"), "def b():\n    return 3\n").data
    assert after == data.replace(b"return 2", b"return 3")


def test_a_broken_file_may_be_mended():
    data = PYTHON + b"\n\ndef broken(:\n    pass\n"
    assert syntax_fault("a.py", data)
    symbol = find_symbol("a.py", data, "Shape.told")
    after = splice("a.py", data, symbol, "def told(self):\n    return 3\n").data
    assert b"return 3" in after


@pytest.mark.parametrize(
    ("path", "data", "line"),
    [("a.py", b"x = 1\ny = (\n", 2), ("a.py", b"def f():\nreturn 1\n", 2), ("a.py", b"  x = 1\n", 1),
     ("a.js", b"let a = {\n", 1), ("a.json", b'{"a": }', 1),
     ("a.py", b"class A:\n    def f(self): pass\n   x = 1\n", 3)],
)  # fmt: skip
def test_faults_are_found_and_placed(path, data, line):
    fault = syntax_fault(path, data)
    assert fault is not None
    assert fault.line == line


@pytest.mark.parametrize("path", ["a.txt", "a.unknown", "a.md"])
def test_what_has_no_grammar_always_parses(path):
    assert syntax_fault(path, b"def f(:\n  (") is None


names = st.sampled_from(["Shape", "Shape.told", "Shape.__init__", "total", "UNIT", "area"])
pieces = st.sampled_from(
    ["def told(self):", "    return 1", "\treturn 1", "class Shape:", "    pass", "@property", "'''", '"', "(", ")",
     "x = 1", "", "  ", "    def f(self): pass", "return", "# ...", "```", "12| a", "async def g(): pass",
     "\\", "if x:"]
)  # fmt: skip


@given(
    name=names,
    code=st.lists(pieces, min_size=1, max_size=6),
    place=st.sampled_from(["replace", "before", "after"]),
)
def test_whatever_is_written_the_file_still_parses(name, code, place):
    try:
        symbol = find_symbol("a.py", PYTHON, name)
        after = splice("a.py", PYTHON, symbol, "\n".join(code), place).data
    except ToolError:
        return
    assert syntax_fault("a.py", after) is None
    assert breaks("a.py", PYTHON, after) is None
    others = {each.qualified for each in definitions("a.py", PYTHON)} - {symbol.qualified}
    within = {each for each in others if each.startswith(f"{symbol.qualified}.")}
    assert others - within <= {each.qualified for each in definitions("a.py", after)}
    head, tail = PYTHON[: symbol.start], PYTHON[symbol.end :]
    if place == "replace":
        assert after.startswith(head)
        assert after.endswith(tail)
