from pathlib import Path

import pytest

from megacontext.agent.paths import repository_path
from megacontext.configs.errors import FocusError
from tests.memory.workbench import write_files


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = (tmp_path / "repository").resolve()
    write_files(folder, {"top.py": "", "both.py": "", "src/both.py": "", "src/app.py": ""})
    write_files(tmp_path, {"outside.py": ""})
    return folder


@pytest.mark.parametrize(
    ("folder", "typed", "path"),
    [
        ("", "src/app.py", "src/app.py"),
        ("src", "app.py", "src/app.py"),
        ("src", "src/app.py", "src/app.py"),
        ("src", "top.py", "top.py"),
        ("src", "../top.py", "top.py"),
        ("src", "./both.py", "src/both.py"),
        ("src", "../both.py", "both.py"),
        ("", "both.py", "both.py"),
        ("", "src/../top.py", "top.py"),
        ("src", "new.py", "src/new.py"),
        ("..", "src/app.py", "src/app.py"),
        ("..", "repository/top.py", "top.py"),
    ],
)
def test_paths_are_taken_from_the_folder_or_from_the_root(root, folder, typed, path):
    assert repository_path(root, typed, root / folder) == path


def test_an_absolute_path_may_come_through_a_symbolic_link(root, tmp_path):
    (tmp_path / "link").symlink_to(root)
    assert repository_path(root, str(root / "top.py"), tmp_path) == "top.py"
    assert repository_path(root, str(tmp_path / "link" / "top.py"), tmp_path) == "top.py"


def test_two_readings_are_an_error_that_names_both(root):
    with pytest.raises(FocusError, match=r"both src/both.py and both.py"):
        repository_path(root, "both.py", root / "src")


@pytest.mark.parametrize("typed", ["../outside.py", "/etc/passwd", "../..", "."])
def test_what_lies_outside_is_refused(root, typed):
    with pytest.raises(FocusError, match="outside"):
        repository_path(root, typed, root)
