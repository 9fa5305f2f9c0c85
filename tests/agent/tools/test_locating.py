"""Paths as models write them: to the one file that is meant, never outside, never to secrets."""

import os

import pytest

from megacontext.agent.tools.base import ToolError
from megacontext.agent.tools.locating import locate, open_text


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("greeter/greet.py", "greeter/greet.py"),
        ("./greeter/greet.py", "greeter/greet.py"),
        ("greeter//greet.py", "greeter/greet.py"),
        ("greeter/../greeter/greet.py", "greeter/greet.py"),
        (" `greeter/greet.py` ", "greeter/greet.py"),
        ('"greeter/greet.py"', "greeter/greet.py"),
        ("greeter\\greet.py", "greeter/greet.py"),
        ("a/greeter/greet.py", "greeter/greet.py"),
        ("b/greeter/greet.py", "greeter/greet.py"),
        ("Greeter/GREET.py", "greeter/greet.py"),
        ("greet.py", "greeter/greet.py"),
        ("README.MD", "README.md"),
    ],
)
def test_what_is_meant_is_found(shop, typed, path):
    located = locate(shop, typed)
    assert (located.path, located.exists) == (path, True)
    assert bool(located.notes) == (os.path.normpath(typed.strip('`" ')) != path)


def test_an_absolute_path_into_the_repository_is_fine(shop):
    assert locate(shop, f"{shop.root}/greeter/greet.py").path == "greeter/greet.py"


@pytest.mark.parametrize(
    "typed",
    ["..", "../x", "../../etc/passwd", "/etc/passwd", "/", "~/x", "~root/.ssh/id", "greeter/../../x", "", "  ", ".",
     "nul\0", "a\nb", "half\ud800", "x" * 3000, "y" * 300 + "/z", "link-out/file", "link-file"],
)  # fmt: skip
@pytest.mark.parametrize("new", [False, True])
def test_nothing_outside_is_found(shop, tmp_path, typed, new):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("x")
    (shop.root / "link-out").symlink_to(tmp_path / "outside")
    (shop.root / "link-file").symlink_to(tmp_path / "outside" / "file")
    with pytest.raises(ToolError):
        locate(shop, typed, new=new)


@pytest.mark.parametrize(
    "typed",
    [".git/config", "sub/.git/x", ".GIT/config", ".megacontext/config.yaml", ".MEGACONTEXT/x",
     "keys/.env", ".env", "KEYS/.ENV", "new.pem", "link-git/config", "link-env"],
)  # fmt: skip
@pytest.mark.parametrize("new", [False, True])
def test_secrets_and_what_belongs_to_git_or_megacontext_are_not_found(shop, typed, new):
    (shop.root / ".git").mkdir()
    (shop.root / ".git" / "config").write_text("x")
    (shop.root / "link-git").symlink_to(".git")
    (shop.root / "link-env").symlink_to("keys/.env")
    with pytest.raises(ToolError):
        locate(shop, typed, new=new)


def test_a_link_inside_of_the_repository_is_the_file_it_leads_to(shop):
    (shop.root / "short").symlink_to("greeter")
    assert locate(shop, "short/greet.py").path == "greeter/greet.py"
    assert locate(shop, "short/new.py", new=True).path == "greeter/new.py"


def test_a_new_file_goes_into_the_folders_that_are_there(shop):
    assert locate(shop, "GREETER/new.py", new=True).path == "greeter/new.py"
    assert locate(shop, "a/b/new.py", new=True).path == "a/b/new.py"
    assert not locate(shop, "greet.py", new=True).exists


def test_what_may_be_several_files_is_refused_with_their_names(shop):
    (shop.root / "tests" / "greet.py").write_text("x = 1\n")
    (shop.root / "Makefile").write_text("")
    (shop.root / "makefile").write_text("")
    shop.memory.writer.reconcile()
    with pytest.raises(ToolError, match=r"greeter/greet\.py, tests/greet\.py"):
        locate(shop, "greet.py")
    with pytest.raises(ToolError, match="Makefile, makefile"):
        locate(shop, "MAKEFILE")
    assert locate(shop, "makefile").path == "makefile"


def test_what_is_missing_is_refused_with_what_may_be_meant(shop):
    with pytest.raises(ToolError, match=r"did you mean greeter/greet\.py"):
        locate(shop, "src/greet.pyi")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"a\0b", "binary"),
        (b"key = '" + b"AKIA" + b"ABCDEFGHIJKLMNOP'\n", "AWS access key"),
        (b"x" * 5_000_001, "larger than"),
    ],
)
def test_some_files_are_not_opened(shop, data, why):
    (shop.root / "file").write_bytes(data)
    with pytest.raises(ToolError, match=why):
        open_text(shop, "file")


def test_what_an_editor_has_not_saved_is_left_to_it(shop):
    shop.memory.writer.overlays["greeter/greet.py"] = b"unsaved"
    with pytest.raises(ToolError, match="not saved"):
        open_text(shop, "greeter/greet.py")
