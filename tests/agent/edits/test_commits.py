"""A commit of the agent's edits alone, whatever the person has staged, changed, or under way."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megacontext.agent.edits.change import Change
from megacontext.agent.edits.commits import Committed, commit
from tests.memory.workbench import commit_all, git, write_files

LINES = b"".join(b"line %d\n" % number for number in range(1, 31))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "A")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@b.c")
    root = tmp_path.resolve() / "work"
    write_files(root, {"a.txt": LINES, "b.txt": "b\n"})
    git(root, "init", "-q", "-b", "main")
    commit_all(root)
    return root


def swap(data: bytes, number: int, text: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    lines[number - 1] = text + b"\n"
    return b"".join(lines)


def edit(root: Path, path: str, after: bytes | None) -> Change:
    """What the agent does: the file is changed on disk, and then committed."""
    file = root / path
    change = Change(path, file.read_bytes() if file.exists() else None, after)
    if after is None:
        file.unlink()
    else:
        write_files(root, {path: after})
    return change


def test_an_edit_becomes_a_commit_of_its_own(root):
    done = commit(root, [edit(root, "a.txt", swap(LINES, 3, b"agent"))], "Mend line 3")
    assert done.paths == ("a.txt",)
    assert git(root, "rev-parse", "HEAD").strip() == done.commit
    assert git(root, "log", "-1", "--format=%s").strip() == "Mend line 3"
    assert git(root, "status", "--porcelain") == ""


def test_files_that_come_and_go_are_committed_as_such(root):
    changes = [edit(root, "new/c.txt", b"c\n"), edit(root, "b.txt", None)]
    commit(root, changes, "Both")
    assert git(root, "ls-tree", "-r", "--name-only", "HEAD").split() == ["a.txt", "new/c.txt"]
    assert git(root, "status", "--porcelain") == ""


def test_what_is_staged_stays_staged_and_what_is_changed_stays_changed(root):
    write_files(root, {"b.txt": "staged\n", "d.txt": "new\n"})
    git(root, "add", "b.txt", "d.txt")
    write_files(root, {"b.txt": "staged\nand more\n"})
    before = git(root, "diff", "--cached"), git(root, "diff")
    done = commit(root, [edit(root, "a.txt", swap(LINES, 3, b"agent"))], "Mend")
    assert done.paths == ("a.txt",)
    assert (git(root, "diff", "--cached"), git(root, "diff")) == before
    assert git(root, "show", "--name-only", "--format=", "HEAD").split() == ["a.txt"]


def test_the_persons_changes_of_the_same_file_stay_out(root):
    staged = swap(LINES, 10, b"staged")
    write_files(root, {"a.txt": staged})
    git(root, "add", "a.txt")
    own = swap(staged, 20, b"unstaged")
    write_files(root, {"a.txt": own})
    done = commit(root, [edit(root, "a.txt", swap(own, 3, b"agent"))], "Mend")
    assert done.paths == ("a.txt",)
    assert git(root, "show", "HEAD:a.txt").encode() == swap(LINES, 3, b"agent")
    assert git(root, "show", ":a.txt").encode() == swap(staged, 3, b"agent")
    assert "+unstaged" in git(root, "diff")
    assert "agent" not in git(root, "diff").replace(" agent", "")


def test_a_file_whose_same_lines_the_person_changed_is_left_out(root):
    write_files(root, {"a.txt": swap(LINES, 3, b"own")})
    before = git(root, "rev-parse", "HEAD")
    change = edit(root, "a.txt", swap(LINES, 3, b"agent"))
    done = commit(root, [change], "Mend")
    assert done == Committed("", (), (("a.txt", "you have changed the same lines"),), done.why_not)
    assert git(root, "rev-parse", "HEAD") == before
    both = commit(root, [change, edit(root, "b.txt", b"c\n")], "Mend")
    assert both.paths == ("b.txt",)
    assert [path for path, _ in both.left_out] == ["a.txt"]


def test_windows_line_ends_are_committed_as_git_keeps_them(root):
    git(root, "config", "core.autocrlf", "true")
    (root / "a.txt").write_bytes(LINES.replace(b"\n", b"\r\n"))
    after = swap(LINES, 3, b"agent").replace(b"\n", b"\r\n")
    done = commit(root, [edit(root, "a.txt", after)], "Mend")
    assert done.paths == ("a.txt",)
    assert git(root, "show", "HEAD:a.txt").encode() == swap(LINES, 3, b"agent")


def test_no_hook_or_filter_of_the_repository_is_run(root, tmp_path):
    witness = tmp_path / "witness"
    for hook in ("pre-commit", "post-commit", "reference-transaction", "post-index-change"):
        path = root / ".git" / "hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\ntouch {witness}\n")
        path.chmod(0o755)
    git(root, "config", "filter.bad.clean", f"touch {witness}; cat")
    git(root, "config", "commit.gpgSign", "true")
    (root / ".git" / "info").mkdir(exist_ok=True)
    (root / ".git" / "info" / "attributes").write_text("*.txt filter=bad\n")
    assert commit(root, [edit(root, "a.txt", b"x\n")], "Mend").commit
    assert not witness.exists()


def test_an_executable_file_stays_one(root):
    (root / "a.txt").chmod(0o755)
    git(root, "add", "a.txt")
    git(root, "commit", "-q", "-m", "mode")
    commit(root, [edit(root, "a.txt", b"x\n")], "Mend")
    assert git(root, "ls-tree", "HEAD", "a.txt").startswith("100755")
    assert git(root, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    ("prepare", "why"),
    [
        (["checkout", "-q", "--detach"], "no branch"),
        (["checkout", "-q", "--orphan", "empty"], "no commit yet"),
        (["update-ref", "MERGE_HEAD", "HEAD"], "under way"),
    ],
)
def test_where_a_commit_makes_no_sense_there_is_none(root, prepare, why):
    git(root, *prepare)
    done = commit(root, [edit(root, "a.txt", b"x\n")], "Mend")
    assert done.commit == ""
    assert why in done.why_not


def test_without_git_there_is_no_commit(tmp_path):
    write_files(tmp_path, {"a.txt": "a\n"})
    assert "no git repository" in commit(tmp_path, [edit(tmp_path, "a.txt", b"b\n")], "x").why_not


def test_ignored_files_and_links_are_left_out(root):
    write_files(root, {".gitignore": "secret/\n"})
    (root / "link").symlink_to("a.txt")
    git(root, "add", "link", ".gitignore")
    git(root, "commit", "-q", "-m", "more")
    done = commit(root, [edit(root, "secret/x", b"x\n"), Change("link", b"a", b"b")], "Mend")
    assert dict(done.left_out) == {
        "secret/x": "git ignores it",
        "link": "it is no regular file in git",
    }


def test_names_that_look_like_patterns_are_names(root):
    done = commit(root, [edit(root, "[ab].txt", b"x\n"), edit(root, ":(top)z", b"z\n")], "Mend")
    assert set(done.paths) == {"[ab].txt", ":(top)z"}
    assert git(root, "status", "--porcelain") == ""


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    staged=st.sets(st.integers(12, 16), max_size=2),
    own=st.sets(st.integers(22, 26), max_size=2),
    agent=st.sets(st.integers(2, 6), min_size=1, max_size=2),
)
def test_changes_far_apart_never_mix(root, staged, own, agent):
    git(root, "reset", "-q", "--hard", "HEAD")
    base = (root / "a.txt").read_bytes()
    stamp = git(root, "rev-parse", "HEAD").encode()[:12]

    def changed(data: bytes, numbers: set[int], text: bytes) -> bytes:
        for number in numbers:
            data = swap(data, number, text)
        return data

    in_index = changed(base, staged, b"staged " + stamp)
    (root / "a.txt").write_bytes(in_index)
    git(root, "add", "a.txt")
    on_disk = changed(in_index, own, b"own")
    (root / "a.txt").write_bytes(on_disk)
    change = edit(root, "a.txt", changed(on_disk, agent, b"agent " + stamp))
    assert commit(root, [change], "Mend").paths == ("a.txt",)
    assert git(root, "show", "HEAD:a.txt").encode() == changed(base, agent, b"agent " + stamp)
    assert git(root, "show", ":a.txt").encode() == changed(in_index, agent, b"agent " + stamp)
    assert (root / "a.txt").read_bytes() == change.after
