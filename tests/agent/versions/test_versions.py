"""Saving, comparing, restoring and merging a working state."""

from pathlib import Path

import pytest

from megacontext.agent.versions.describing import described
from megacontext.agent.versions.parts import Part
from megacontext.configs.errors import StoreBusyError, VersionError
from megacontext.memory.packs.contents import text_root
from megacontext.memory.versions.snapshots import Snapshot
from tests.agent.versions.conftest import asked, files_below, talk
from tests.memory.workbench import write_files


def root_of(versions) -> Path:
    return versions.working.places.root


def held(versions, snapshot: Snapshot) -> dict[str, bytes]:
    files = versions.trees.files(bytes.fromhex(snapshot.root))
    return {path: versions.objects.file(key) for path, key in files}


def test_a_snapshot_holds_what_memory_holds_and_no_secret(versions):
    talk(root_of(versions), "hello")
    snapshot, is_new = versions.save("first")
    kept = held(versions, snapshot)
    assert is_new
    assert kept["repository/app/main.py"].startswith(b"def one")
    assert kept["repository/app/empty.py"] == b""
    assert not any(".env" in path for path in kept)
    assert sum(path.endswith("conversation.jsonl") for path in kept) == 1
    assert versions.save(again=False) == (snapshot, False)


def test_the_root_of_the_repository_is_the_one_that_a_pack_of_it_would_have(versions):
    snapshot, _ = versions.save()
    found = versions.trees.find(bytes.fromhex(snapshot.root), "repository")
    with versions.working.memory.reading():
        files = [(f.path, f.digest) for f in versions.working.memory.catalogue.files()]
    assert found.key == text_root(files)


def test_differences_are_told_by_definition_turn_and_move(open_versions):
    versions = open_versions()
    root = root_of(versions)
    session = talk(root, "hello")
    versions.save("before")
    talk(root, "more", session=session)
    write_files(root, {"app/main.py": "def one():\n    return 1\n\n\ndef two():\n    return 22\n"})
    write_files(root, {"app/new.py": "x = 1\n"})
    (root / "README.md").rename(root / "ABOUT.md")
    versions = open_versions()
    with versions.compared("main", "now") as (before, after, changes):
        found = {each.path: each for each in described(before, after, changes)}
    [main] = found["repository/app/main.py"].spans
    assert (main.mark, main.start_line) == ("~", 1)
    assert found["repository/app/new.py"].mark == "+"
    assert (found["repository/ABOUT.md"].mark, found["repository/ABOUT.md"].old_path) == (
        ">",
        "repository/README.md",
    )
    [turn] = found[f"sessions/{session}/conversation.jsonl"].spans
    assert (turn.mark, turn.name) == ("+", "more")


def test_restoring_brings_back_the_very_state_and_can_itself_be_taken_back(open_versions):
    versions = open_versions()
    root = root_of(versions)
    first, _ = versions.save("first")
    before = files_below(root)
    write_files(root, {"app/main.py": "changed = True\n", "app/new/deep.py": "x = 1\n"})
    (root / "README.md").unlink()
    (root / "app/main.py").chmod(0o755)
    versions = open_versions()
    changed = files_below(root)
    kept, restored = versions.restore(first.short)
    assert files_below(root) == before
    assert not (root / "app/new").exists()
    assert set(restored.written) == {"app/main.py", "README.md"}
    assert restored.deleted == ("app/new/deep.py",)
    assert (root / "app/main.py").stat().st_mode & 0o777 == 0o755
    assert versions.save(again=False)[0].id == first.id
    versions.restore(kept.id)
    assert files_below(root) == changed


def test_only_some_of_a_snapshot_is_restored(open_versions):
    versions = open_versions()
    root = root_of(versions)
    first, _ = versions.save("first")
    write_files(root, {"app/main.py": "changed = True\n", "README.md": "changed\n"})
    versions = open_versions()
    versions.restore(first.id, paths=["app"])
    assert (root / "app/main.py").read_text().startswith("def one")
    assert (root / "README.md").read_text() == "changed\n"
    versions.restore(first.id, parts=[Part.sessions])
    assert (root / "README.md").read_text() == "changed\n"
    assert versions.snapshots.head != first.id


def test_conversations_come_back_and_later_ones_stay(open_versions):
    versions = open_versions()
    root = root_of(versions)
    session = talk(root, "one", "two")
    first, _ = versions.save("first")
    talk(root, "three", session=session)
    later = talk(root, "of later")
    versions = open_versions()
    versions.restore(first.id)
    assert asked(root, session) == ["one", "two"]
    assert asked(root, later) == ["of later"]


def test_a_conversation_that_is_open_is_in_the_way(open_versions):
    from megacontext.agent.chat.sessions.store import Sessions

    versions = open_versions()
    session = talk(root_of(versions), "one")
    first, _ = versions.save("first")
    talk(root_of(versions), "two", session=session)
    with Sessions(versions.working.places).open(session), pytest.raises(StoreBusyError):
        open_versions().restore(first.id)


def test_nothing_is_overwritten_that_memory_does_not_know(open_versions):
    versions = open_versions(files={"kept.py": "x = 1\n", ".gitignore": "*.log\n"})
    root = root_of(versions)
    first, _ = versions.save("first")
    (root / "kept.py").unlink()
    versions = open_versions()
    (root / "kept.py").write_bytes(b"\0binary")  # memory leaves it out, and knows it not
    versions.working.memory.writer.reconcile()
    with pytest.raises(VersionError, match="memory does not hold is there"):
        versions.restore(first.id)
    assert (root / "kept.py").read_bytes() == b"\0binary"


@pytest.mark.parametrize(
    "path",
    ["repository/.git/hooks/pre-commit", "repository/.megacontext/config.yaml", "repository/a/.GIT/x",
     "repository/.env", "repository/a\x1bb", "repository/link/x.py", "sessions/x/conversation.jsonl",
     "sessions/20200101-000000-abcd/lock", "packs/a/b", "elsewhere/x", "top"],
)  # fmt: skip
def test_a_snapshot_of_somebody_else_writes_nothing_where_it_must_not(versions, tmp_path, path):
    root = root_of(versions)
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "link").symlink_to(outside)
    first, _ = versions.save("first")
    key = versions.objects.put_file(b"evil\n", [5])
    tree = versions.trees.changed(bytes.fromhex(first.root), {path: key})
    evil = versions.snapshots.add(Snapshot(tree.hex(), (), 1.0, "evil"))
    before = files_below(root)
    with pytest.raises(VersionError, match="in the way"):
        versions.restore(evil.id)
    assert files_below(root) == before
    assert list(outside.iterdir()) == []


def test_two_lines_come_together_in_the_working_state(open_versions):
    versions = open_versions()
    root = root_of(versions)
    versions.save("common")
    versions.fork("side")
    write_files(root, {"app/main.py": "def one():\n    return 10\n\n\ndef two():\n    return 2\n"})
    open_versions().save("on side")
    versions = open_versions()
    versions.restore("main")
    assert versions.snapshots.line == "main"
    write_files(root, {"app/main.py": "def one():\n    return 1\n\n\ndef two():\n    return 20\n"})
    versions = open_versions()
    merged = versions.merge("now", "side")
    assert merged.merged is not None and not merged.merged.conflicts
    assert (root / "app/main.py").read_text() == (
        "def one():\n    return 10\n\n\ndef two():\n    return 20\n"
    )
    assert versions.snapshots.lines()["main"] == versions.snapshots.head == merged.snapshot.id
    assert len(merged.snapshot.parents) == 2
    assert versions.merge("main", "side").merged is None


def test_a_conflict_is_in_file_and_snapshot_with_both_sides(open_versions):
    versions = open_versions()
    root = root_of(versions)
    versions.save("common")
    versions.fork("side")
    write_files(root, {"README.md": "# App\n\nTheirs.\n"})
    open_versions().save("on side")
    open_versions().restore("main")
    write_files(root, {"README.md": "# App\n\nOurs.\n"})
    versions = open_versions()
    merged = versions.merge("now", "side")
    [conflict] = merged.merged.conflicts
    assert (conflict.path, conflict.a, conflict.b) == (
        "repository/README.md",
        "Ours.\n",
        "Theirs.\n",
    )
    text = (root / "README.md").read_text()
    assert "Ours.\n" in text and "Theirs.\n" in text
    assert merged.snapshot.unsettled == (conflict.unsettled,)
    assert versions.snapshots.find("side").message == "on side"  # and neither side is gone


def test_a_snapshot_is_written_into_a_new_folder(versions, tmp_path):
    versions.save("first")
    count = versions.export("main", tmp_path / "out")
    assert count == 3
    assert (tmp_path / "out/app/main.py").read_text().startswith("def one")
    with pytest.raises(VersionError, match="not empty"):
        versions.export("main", tmp_path / "out")


def test_a_file_that_changed_since_memory_looked_is_kept_as_it_is(versions):
    (root_of(versions) / "app/main.py").write_text("late = 1\n")
    snapshot, _ = versions.save("late")
    assert held(versions, snapshot)["repository/app/main.py"] == b"late = 1\n"


def test_a_tree_is_named_by_its_texts_alone(open_versions):
    roots = {open_versions(name).save()[0].root for name in ("one", "two")}
    assert len(roots) == 1
