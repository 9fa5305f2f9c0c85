"""Files below one folder: whatever a path or a link does, nothing outside is read or written."""

import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.agent.edits import inside
from megacontext.configs.errors import ToolError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "root"
    (root / "folder").mkdir(parents=True)
    (root / "folder" / "file").write_bytes(b"content")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(b"secret")
    return root


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "..", "../outside/file", "folder/../../outside/file", "./folder/file",
     "folder//file", "folder/", "nul\0byte", "line\nbreak", "half\ud800", "x" * 256, "é" * 128,
     "/".join(["d" * 200] * 20), "a/./b", "\x1b[2J"],
)  # fmt: skip
def test_no_such_path_is_read_or_written(root, path):
    with pytest.raises(ToolError):
        inside.read(root, path)
    with pytest.raises(ToolError):
        inside.replace(root, path, b"x")
    with pytest.raises(ToolError):
        inside.remove(root, path)


@given(st.text(max_size=300))
def test_any_text_is_a_plain_path_or_refused(path):
    try:
        parts = inside.parts_of(path)
    except ToolError:
        return
    assert "/".join(parts) == path
    assert not set(parts) & {"", ".", ".."}
    assert os.path.normpath(f"/top/{path}").startswith("/top/")


@pytest.mark.parametrize("link", ["file", "folder"])
def test_links_are_not_followed(root, link):
    outside = root.parent / "outside"
    if link == "file":
        (root / "link").symlink_to(outside / "file")
        path = "link"
    else:
        (root / "link").symlink_to(outside)
        path = "link/file"
    with pytest.raises(ToolError, match="link"):
        inside.read(root, path)
    with pytest.raises(ToolError, match="link"):
        inside.replace(root, path, b"x")
    with pytest.raises(ToolError, match="link"):
        inside.remove(root, path)
    assert (outside / "file").read_bytes() == b"secret"


def test_a_folder_that_becomes_a_link_meanwhile_leads_nowhere(root):
    """Somebody swaps a folder and a link to another one while files are written through it."""
    outside = root.parent / "outside"
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            # Writing makes folders that are missing, so any of these may fail.
            with suppress(OSError):
                (root / "folder").rename(root / "moved")
            with suppress(OSError):
                (root / "folder").symlink_to(outside)
            with suppress(OSError):
                (root / "folder").unlink()
            with suppress(OSError):
                (root / "moved").rename(root / "folder")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for number in range(100):
            with suppress(ToolError):
                inside.replace(root, "folder/new", b"%d" % number)
                found = inside.read(root, "folder/file")
                assert found is None or found.data == b"content"
    finally:
        stop.set()
        thread.join()
    assert [each.name for each in outside.iterdir()] == ["file"]
    assert (outside / "file").read_bytes() == b"secret"


def test_a_file_that_becomes_a_link_before_it_is_replaced_is_replaced_itself(root, monkeypatch):
    outside = root.parent / "outside" / "file"
    original = inside._write_at

    def swapped(folder, name, *rest):
        os.unlink(name, dir_fd=folder)
        os.symlink(outside, name, dir_fd=folder)
        original(folder, name, *rest)

    monkeypatch.setattr(inside, "_write_at", swapped)
    inside.replace(root, "folder/file", b"new")
    assert outside.read_bytes() == b"secret"
    assert (root / "folder" / "file").read_bytes() == b"new"
    assert not (root / "folder" / "file").is_symlink()


def test_a_hard_link_elsewhere_keeps_its_content(root):
    outside = root.parent / "outside" / "file"
    os.link(outside, root / "hard")
    inside.replace(root, "hard", b"new")
    assert outside.read_bytes() == b"secret"


def test_what_is_no_file_is_not_touched(root):
    os.mkfifo(root / "pipe")
    for path in ("pipe", "folder"):
        with pytest.raises(ToolError, match="not a file"):
            inside.read(root, path)
        with pytest.raises(ToolError, match="not a file"):
            inside.replace(root, path, b"x")
    with pytest.raises(ToolError, match="not a folder"):
        inside.replace(root, "folder/file/below", b"x")


def test_permissions_stay_and_new_files_have_the_usual_ones(root):
    (root / "folder" / "file").chmod(0o751)
    inside.replace(root, "folder/file", b"new")
    inside.replace(root, "deep/er/file", b"new")
    assert stat.S_IMODE((root / "folder" / "file").stat().st_mode) == 0o751
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((root / "deep/er/file").stat().st_mode) == 0o644 & ~umask


def test_nothing_is_left_of_a_write_that_fails(root, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(Exception, match="disk is full"):
        inside.replace(root, "folder/file", b"new")
    monkeypatch.undo()
    assert [each.name for each in (root / "folder").iterdir()] == ["file"]
    assert (root / "folder" / "file").read_bytes() == b"content"


def test_folders_made_for_a_file_go_with_it_unless_others_moved_in(root):
    made = inside.missing_folders(root, "a/b/c/file")
    assert made == ("a", "a/b", "a/b/c")
    inside.replace(root, "a/b/c/file", b"x")
    (root / "a" / "other").write_text("x")
    inside.remove(root, "a/b/c/file", made)
    assert not (root / "a" / "b").exists()
    assert (root / "a" / "other").exists()
    inside.remove(root, "a/gone")


@pytest.mark.parametrize(
    "path",
    [".git/config", ".git", "sub/.git/hooks/x", ".GIT/config", ".Git/x", ".git./x", ".git /x",
     ".g\u200cit/config", "GIT~1/config", ".megacontext/config.yaml", ".MegaContext/x",
     "a/.megacontext-abc"],
)  # fmt: skip
def test_the_files_of_git_and_megacontext_are_kept_from_tools(path):
    assert inside.kept_from_tools(path)


@pytest.mark.parametrize("path", [".gitignore", ".github/x", "git", "megacontext/x", "a/b.git/c"])
def test_other_names_are_not(path):
    assert inside.kept_from_tools(path) is None
