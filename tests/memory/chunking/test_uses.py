"""Where a name is used, told by the grammar where there is one."""

import pytest

from megacontext.memory.chunking import chunk_file, find_uses


@pytest.mark.parametrize(
    ("path", "text", "name", "count"),
    [
        ("a.py", "def f():\n    return f()  # f\n\n\nx = 'f'\nf.g(y=f)\n", "f", 3),
        ("a.py", "from b import f\nimport f\n", "f", 2),
        ("a.ts", "import { f } from './f';\nf(1);\nclass A { f() {} }\n", "f", 2),
        ("a.c", "int f(void) { return 0; }\nint g(void) { return f(); }\n", "f", 1),
        ("a.go", "package a\n\nfunc f() {}\n\nvar g = f\n", "f", 1),
        ("a.rs", "fn f() {}\nfn g() { f(); let h = f; }\n", "f", 2),
        ("a.c", '#include "f.h"\nint main(void) { return f(); }\n', "f", 1),
        ("a.md", "# f\n\nCall `f` with f.\n", "f", 3),
        ("a.txt", "f ff f\x00\xe9f", "f", 2),
        ("a.py", "x = 1\n", "", 0),
        ("a.py", "ünïcode = 1\nprint(ünïcode())\n", "ünïcode", 1),
        ("a.py", "((((" * 3000 + "f", "f", 1),
    ],
)
def test_uses_of_a_name(path: str, text: str, name: str, count: int):
    data = text.encode()
    found = find_uses(path, data, name)
    assert len(found) == count
    assert found == sorted(found)
    assert all(data[start:end].decode() == name for start, end in found)


def test_uses_agree_with_the_references_of_the_chunks():
    data = b"import os\n\n\ndef join(a: int):\n    return os.path.join(a, os.sep).real\n"
    for name in (name for names in chunk_file("a.py", data).references for name in names):
        assert find_uses("a.py", data, name)
