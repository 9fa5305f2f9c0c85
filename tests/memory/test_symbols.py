"""Finding definitions by letters, and telling whether a file is as it was indexed."""

import os
from pathlib import Path

import pytest

from megacontext.memory.ingest.reading import FileText, Refusal
from megacontext.memory.tree.keys import digest

from .workbench import open_memory, write_files

NAMES = ("get", "getter", "widget", "great_tea", "GET", "a_b", "axb", "per_cent")
SECRET = b"KEY = 'AKIA" + b"Q" * 16 + b"'\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "root"
    write_files(folder, {f"{name}_{n}.py": f"def {name}(): pass\n" for n, name in enumerate(NAMES)})
    return folder


@pytest.mark.parametrize(
    ("letters", "names"),
    [
        ("get", ["get", "GET", "getter", "widget", "great_tea"]),
        ("GET", ["GET", "get", "getter", "widget", "great_tea"]),
        ("a_b", ["a_b"]),
        ("%", []),
        ("\\", []),
        ("'; DROP TABLE symbols; --", []),
    ],
)
def test_definitions_by_letters_in_order(root: Path, letters: str, names: list[str]):
    with open_memory(root) as memory:
        memory.writer.reconcile()
        assert [each.name for each in memory.catalogue.symbols_matching(letters)] == names
        assert len(memory.catalogue.symbols_matching("", 3)) == 3


def test_a_file_is_untouched_until_it_is_written(root: Path):
    path = "get_0.py"
    with open_memory(root) as memory:
        os.utime(root / path, ns=(10**18, 10**18))
        memory.writer.reconcile()
        record = memory.catalogue.file(path)
        assert memory.is_untouched(record)
        (root / path).write_text("def got(): pass\n")
        assert not memory.is_untouched(record)
        (root / path).unlink()
        assert not memory.is_untouched(record)


def test_only_content_that_was_judged_is_not_judged_again(root: Path):
    (root / "get_0.py").write_bytes(SECRET)
    with open_memory(root) as memory:
        assert isinstance(memory.look("get_0.py", known=digest(b"other")), Refusal)
        assert isinstance(memory.look("get_0.py"), Refusal)
        assert isinstance(memory.look("getter_1.py", known=b""), FileText)
