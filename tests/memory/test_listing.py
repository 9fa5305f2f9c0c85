import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from megacontext.configs.errors import RepositoryError
from megacontext.memory.listing import has_git, ignored_by_git, list_files
from megacontext.memory.memory import Memory

from .workbench import commit_all, git, write_files

FILES = ["a.py", "b.log", "src/a.py", "src/b.log", "src/deep/c.py", "build/o.py", "doc/a b.md"]


def paths(root: Path) -> list[str]:
    return list_files(root).paths


def test_without_git_folders_are_walked(root: Path) -> None:
    write_files(root, dict.fromkeys(FILES, "x\n"))
    write_files(root, {".gitignore": "*.log\n!src/b.log\nbuild/\n", "node_modules/i.js": "x"})
    listing = list_files(root)
    source = ["src/a.py", "src/b.log", "src/deep/c.py"]
    assert listing.paths == [".gitignore", "a.py", "doc/a b.md", *source]
    assert set(listing.passed_over) == {"b.log", "build/", "node_modules/"}


def test_with_git_its_own_rules_hold(root: Path) -> None:
    git(root, "init", "-q")
    write_files(root, dict.fromkeys(FILES, "x\n"))
    write_files(root, {".gitignore": "*.log\nbuild/\n", ".git/info/exclude": "doc/\n"})
    git(root, "add", "-f", "b.log")
    listing = list_files(root)
    assert listing.paths == [".gitignore", "a.py", "b.log", "src/a.py", "src/deep/c.py"]
    assert listing.passed_over == dict.fromkeys(["src/b.log", "build/", "doc/"], "ignored by git")
    (root / "a.py").unlink()
    assert "a.py" not in paths(root)


def test_empty_repositories(root: Path) -> None:
    assert paths(root) == []
    git(root, "init", "-q")
    assert paths(root) == []


def test_a_root_that_is_gone_is_one_sentence(root: Path) -> None:
    root.rmdir()
    with pytest.raises(RepositoryError, match="cannot be read: No such file"):
        list_files(root)


NAMES = ["a", "b", "a.x", "b.y", "d"]
PATTERNS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "/", "d/", "**/", "b/"]),
    st.sampled_from(["a", "b", "*.x", "*.y", "d", "*", "a*", "?", "[ab]", "d/**"]),
    st.sampled_from(["", "", "/"]),
)
IGNORES = st.lists(st.one_of(PATTERNS, st.sampled_from(["# no", "", "\\!a", "a ", "*.x "])))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(top=IGNORES, inner=IGNORES)
@example(top=["d/d", "!*/"], inner=["d/b"])
@example(top=["**/d", "!**/*", "?"], inner=["/a"])
@example(top=["d/?", "!/d", "b/"], inner=["/[ab]"])
@example(top=[], inner=["a", "d", "!d/**"])
@example(top=[], inner=["d/**/"])
def test_git_and_walking_agree(top: list[str], inner: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        files = [*NAMES[:4], *(f"d/{name}" for name in NAMES[:4]), "d/d/a", "d/d/b.y", "b.d/a.x"]
        write_files(root, dict.fromkeys(files, "x"))
        write_files(root, {".gitignore": "\n".join(top), "d/.gitignore": "\n".join(inner)})
        walked = paths(root)
        git(root, "init", "-q", "--template=")
        assert paths(root) == walked


def test_nested_repositories_and_submodules(root: Path, tmp_path: Path) -> None:
    lib = tmp_path / "lib"
    write_files(lib, {"l.py": "x\n", ".gitignore": "*.gen\n", "inner/i.py": "x\n"})
    git(lib, "init", "-q")
    commit_all(lib)
    git(root, "init", "-q")
    write_files(root, {"a.py": "x\n", ".gitignore": "*.log\n"})
    git(root, "submodule", "--quiet", "add", str(lib), "libs/sub")
    shutil.copytree(lib, root / "nested")
    write_files(root, {"nested/n.gen": "x", "nested/new.py": "x", "libs/sub/s.gen": "x"})
    (root / "libs/absent").mkdir()
    # A submodule that is not checked out, and a folder with a broken .git.
    write_files(root, {"broken/.git": "gitdir: /nowhere\n", "broken/b.py": "x\n"})
    listing = list_files(root)
    inner = [".gitignore", "inner/i.py", "l.py"]
    expected = [f"libs/sub/{path}" for path in inner] + [f"nested/{path}" for path in inner]
    assert {*expected, "a.py", ".gitmodules", ".gitignore", "nested/new.py"} <= set(listing.paths)
    assert not any("gen" in path for path in listing.paths)
    asked = ["nested/n.gen", "libs/sub/s.gen", "libs/sub/l.py", "b.log", "nested/b.log", "a.py"]
    assert ignored_by_git(root, asked) == {"nested/n.gen", "libs/sub/s.gen", "b.log"}


def test_links_pipes_sockets_and_names_that_are_no_text(root: Path, tmp_path: Path) -> None:
    write_files(tmp_path, {"outside/secret.py": "x\n"})
    write_files(root, {"a.py": "x\n"})
    (root / "loop").symlink_to("loop")
    (root / "up").symlink_to("..")
    (root / "out").symlink_to(tmp_path / "outside")
    (root / "file").symlink_to(tmp_path / "outside/secret.py")
    (root / os.fsdecode(b"\xff.py")).write_text("x\n")
    (root / os.fsdecode(b"d\xfe")).mkdir()
    (root / os.fsdecode(b"d\xfe/x.py")).write_text("x\n")
    for _ in range(2):
        listing = list_files(root)
        assert listing.paths == ["a.py"]
        for name in ("loop", "up", "out", "file"):
            assert listing.passed_over[name] == "symbolic link"
        assert listing.passed_over["\\udcff.py"] == "its name is not UTF-8"
        assert listing.passed_over["d\\udcfe/x.py"] == "its name is not UTF-8"
        git(root, "init", "-q")


def test_ignored_names_that_are_no_text_can_be_told(root: Path, memory: Memory) -> None:
    git(root, "init", "-q")
    write_files(root, {".gitignore": "*.log\n"})
    (root / os.fsdecode(b"\xff.log")).write_text("x\n")
    memory.writer.reconcile()
    assert [item.path for item in memory.catalogue.left_out()] == ["\\udcff.log"]


def test_pipes_and_sockets_are_never_waited_for(root: Path, memory: Memory) -> None:
    write_files(root, {"a.py": "x\n"})
    os.mkfifo(root / "pipe.py")
    os.mkfifo(root / ".gitignore")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(root)
        server.bind("socket.py")
        os.chdir(here)
        memory.writer.reconcile()
    reasons = {item.path: item.reason for item in memory.catalogue.left_out()}
    assert reasons["pipe.py"] == "not a regular file"
    assert "socket.py" in reasons
    assert [file.path for file in memory.catalogue.files()] == ["a.py"]


def test_a_program_named_as_file_monitor_is_never_run(root: Path, tmp_path: Path) -> None:
    git(root, "init", "-q")
    write_files(root, {"a.py": "x\n", "nested/b.py": "x\n"})
    commit_all(root)
    git(root / "nested", "init", "-q")
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for folder in (root, root / "nested"):
        for key in ("core.fsmonitor", "core.hooksPath", "core.pager", "core.sshCommand"):
            git(folder, "config", key, str(trap))
    assert has_git(root)
    list_files(root)
    ignored_by_git(root, ["a.py", "nested/b.py", "new.py"])
    assert not (tmp_path / "sprung").exists()
    # The trap itself works: git alone walks into it.
    git(root, "status")
    assert (tmp_path / "sprung").exists()


def test_inside_a_hook_of_another_repository_nothing_changes(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, {"other/o.py": "x\n"})
    git(tmp_path / "other", "init", "-q")
    commit_all(tmp_path / "other")
    git(root, "init", "-q")
    write_files(root, {"a.py": "x\n"})
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other/.git/index"))
    assert paths(root) == ["a.py"]


def test_unmerged_files_are_listed_once(root: Path) -> None:
    git(root, "init", "-q", "-b", "main")
    write_files(root, {"a.py": "x = 1\n"})
    commit_all(root)
    git(root, "checkout", "-q", "-b", "other")
    write_files(root, {"a.py": "x = 2\n"})
    commit_all(root)
    git(root, "checkout", "-q", "main")
    write_files(root, {"a.py": "x = 3\n"})
    commit_all(root)
    with pytest.raises(Exception, match="merge"):
        git(root, "merge", "-q", "other")
    assert paths(root) == ["a.py"]


def test_listing_writes_nothing(root: Path) -> None:
    git(root, "init", "-q")
    write_files(root, {"a.py": "x = 1\n"})
    commit_all(root)
    write_files(root, {"a.py": "x = 1\n"})
    index = root / ".git/index"
    before = index.stat().st_mtime_ns, index.read_bytes()
    list_files(root)
    assert (index.stat().st_mtime_ns, index.read_bytes()) == before
    assert stat.S_ISREG(index.stat().st_mode)
