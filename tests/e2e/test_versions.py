"""Versions of memory from the command line: saved, compared, forked, merged, shared, taken back."""

import pytest

from tests.memory.workbench import write_files


@pytest.fixture
def versions(run_here, model_folder, tmp_path):
    """`megacontext …` in a repository by name, made at first."""

    def command(where, *arguments):
        root = tmp_path / where
        if not root.exists():
            write_files(root, {"a.py": "def one():\n    return 1\n", ".env": "PASSWORD=hunter2\n"})
            (root / ".megacontext").mkdir()
        return run_here(*arguments, cwd=root, MEGACONTEXT_MODEL__NAME=str(model_folder))

    return command


def test_save_change_look_and_go_back(versions, tmp_path):
    assert "there is no snapshot yet" in versions("one", "snapshot", "list").out
    saved = versions("one", "snapshot", "save", "-m", "first", "--json").json
    assert saved["new"] is True
    assert "nothing has changed" in versions("one", "snapshot", "save").out
    write_files(tmp_path / "one", {"a.py": "def one():\n    return 2\n", "b.py": "x = 1\n"})
    told = versions("one", "snapshot", "diff", "main")
    assert told.out.splitlines() == [
        "~ a.py",
        "    ~ one:1-2",
        "+ b.py",
        "from main to now: 1 added, 1 changed",
    ]
    patch = versions("one", "snapshot", "diff", "main", "--patch").out
    assert "-    return 1\n+    return 2\n" in patch
    restored = versions("one", "snapshot", "restore", saved["id"][:8], "--json").json
    assert (restored["written"], restored["deleted"]) == (["a.py"], ["b.py"])
    assert versions("one", "snapshot", "diff", "main", "--json").json["changes"] == []
    messages = [
        each["message"] for each in versions("one", "snapshot", "list", "--json").json["snapshots"]
    ]
    assert messages[0].startswith("before restoring")
    assert versions("one", "snapshot", "verify").out == "all snapshots are whole\n"


def test_fork_merge_and_a_conflict_that_is_shown_with_both_sides(versions, tmp_path):
    versions("one", "snapshot", "save", "-m", "common")
    assert versions("one", "fork", "side", "--json").json["current"] is True
    write_files(tmp_path / "one", {"a.py": "def one():\n    return 10\n"})
    versions("one", "snapshot", "save", "-m", "on side")
    versions("one", "snapshot", "restore", "main")
    write_files(tmp_path / "one", {"a.py": "def one():\n    return 11\n"})
    merged = versions("one", "merge", "side")
    assert merged.code == 1
    assert "! a.py:2 in one: changed on both sides" in merged.out
    assert "    return 10" in merged.out
    assert "    return 11" in merged.out
    assert "1 place to settle" in merged.err
    assert "<<<<<<< now" in (tmp_path / "one" / "a.py").read_text()
    listed = versions("one", "snapshot", "list")
    assert "(1 place to settle)" in listed.out


def test_what_one_pushes_another_pulls(versions, tmp_path):
    url = tmp_path / "shared"
    versions("one", "snapshot", "save", "-m", "first")
    pushed = versions("one", "push", url, "--json").json
    assert pushed["sent"] == [{"line": "main", "snapshots": 1}]
    pulled = versions("two", "pull", url)
    assert "merge main@shared" in pulled.out
    write_files(tmp_path / "two", {"a.py": "changed = 1\n"})
    versions("two", "snapshot", "restore", "main@shared")
    assert (tmp_path / "two" / "a.py").read_text() == "def one():\n    return 1\n"
    assert "main has nothing new" in versions("two", "pull", url).out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("snapshot", "diff", "nothing"), "there is no snapshot or line 'nothing'"),
        (("snapshot", "restore", "nothing"), "there is no snapshot or line 'nothing'"),
        (("merge", "nothing"), "there is no snapshot or line 'nothing'"),
        (("merge", "session:x", "main"), "a conversation is merged with a conversation"),
        (("merge", "session:x", "session:y"), "there is no session 'x'"),
        (("fork", "bad name"), "names no line"),
        (("pull", "nosuch://place"), "nosuch://place cannot be opened"),
        (("pull", "empty", "main"), "has no line main; it has none"),
        (("pull", "empty", "session:x"), "has no conversation x"),
        (("pull", "empty", "pack:x"), "x is no pack of"),
        (("push", "empty", "x.mcpack"), "there is no pack x.mcpack"),
    ],
)
def test_what_cannot_be_done_is_told_with_its_mend(versions, arguments, said):
    outcome = versions("one", *arguments)
    assert outcome.code == 1
    assert outcome.err.startswith("error: ")
    assert said in outcome.err


def test_a_pack_that_one_pushes_another_pulls_by_its_own_name(versions, tmp_path, monkeypatch):
    monkeypatch.setenv("MEGACONTEXT_PACKS__STORE", str(tmp_path / "nowhere"))
    url, file = tmp_path / "shared", tmp_path / "any name.mcpack"
    versions(
        "one", "pack", "build", tmp_path / "one", "--name", "own", "--version", "1.0", "-o", file
    )
    assert versions("one", "push", url, file, "--json").json["sent"] == [{"pack": "own@1.0"}]
    assert "own@1.0 is on this machine" in versions("two", "pull", url, "pack:own@1.0").out
    assert versions("two", "pull", url, "pack:own", "--json").json["pulled"] == [
        {"pack": "own@1.0"}
    ]
    broken = tmp_path / "broken.mcpack"
    broken.write_bytes(file.read_bytes()[:-100])
    outcome = versions("one", "push", url, broken)
    assert outcome.code == 1
    assert "no whole zip archive" in outcome.err
    assert "sent as its file" in versions("one", "push", url, "pack:own").err
