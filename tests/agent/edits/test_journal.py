"""Steps, and the way back: bytes come back exactly, nobody else's work is lost."""

import shutil
import stat
import tempfile
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megacontext.agent.edits import inside
from megacontext.agent.edits.blobs import Blobs
from megacontext.agent.edits.change import Change
from megacontext.agent.edits.journal import Journal, tidy
from megacontext.configs.errors import StoreFullError, ToolError, UndoError

PATHS = ("a.txt", "b/c.txt", "b/d/e.txt")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "root"
    root.mkdir()
    (root / "a.txt").write_bytes(b"one\n")
    return root


@pytest.fixture
def journal(root: Path) -> Journal:
    return Journal(root, root / ".megacontext" / "undo" / "s")


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".megacontext" not in path.parts
    }


def set_to(journal: Journal, path: str, after: bytes | None, turn: int = 1) -> None:
    journal.turn = turn
    found = inside.read(journal.root, path)
    journal.apply([Change(path, found.data if found else None, after)], f"edit {path}")


edits = st.lists(
    st.tuples(st.sampled_from(PATHS), st.none() | st.binary(max_size=8), st.integers(0, 2)),
    max_size=8,
)


@mock.patch("os.fsync", new=lambda _: None)  # durable is not what is looked at, and slow
@settings(max_examples=60, deadline=None)
@given(edits=edits, undone=st.integers(0, 8), reopened=st.booleans())
def test_any_edits_are_undone_and_done_again_exactly(edits, undone, reopened):
    folder = Path(tempfile.mkdtemp()).resolve()
    try:
        root = folder / "root"
        root.mkdir()
        (root / "a.txt").write_bytes(b"one\r\ntwo")
        (root / "b").mkdir()
        (root / "b" / "kept").write_bytes(b"")
        journal = Journal(root, folder / "journal")
        first, after_turn, turn = files(root), {}, 0
        for path, after, later in edits:
            turn += later
            before = files(root).get(path)
            if before == after:
                continue
            set_to(journal, path, after, turn)
            after_turn[turn] = files(root)
        states = [first, *after_turn.values()]
        if reopened:
            journal = Journal(root, folder / "journal")
        turns = len(states) - 1
        back = min(undone, turns)
        for number in range(1, back + 1):
            assert len(journal.undo().turns) == 1
            assert files(root) == states[turns - number]
        for number in range(1, back + 1):
            journal.redo()
            assert files(root) == states[turns - back + number]
        while journal.history.done:
            journal.undo()
        assert files(root) == states[0]
        assert {path.name for path in (root / "b").iterdir()} == {"kept"}
    finally:
        shutil.rmtree(folder)


def test_a_turn_is_undone_as_a_whole_with_those_behind_it(root, journal):
    set_to(journal, "a.txt", b"1", turn=1)
    set_to(journal, "a.txt", b"2", turn=3)
    set_to(journal, "b", b"2", turn=3)
    set_to(journal, "a.txt", b"3", turn=4)
    reversal = journal.undo(since=3)
    assert reversal.turns == (3, 4)
    assert [step.number for step in reversal.steps] == [2, 3, 4]
    assert {(each.path, each.after) for each in reversal.changes} == {("a.txt", b"1"), ("b", None)}
    assert files(root) == {"a.txt": b"1"}
    journal.redo()
    assert files(root) == {"a.txt": b"3", "b": b"2"}
    with pytest.raises(UndoError, match="no edit to undo"):
        journal.undo(since=5)


def test_a_new_edit_ends_what_could_be_done_again(root, journal):
    set_to(journal, "a.txt", b"1")
    journal.undo()
    set_to(journal, "a.txt", b"2")
    with pytest.raises(UndoError, match="no edit to do again"):
        journal.redo()
    assert [step.number for step in journal.history.done] == [2]


def test_what_somebody_else_changed_is_not_overwritten(root, journal):
    set_to(journal, "a.txt", b"agent\n", turn=1)
    set_to(journal, "b.txt", b"agent\n", turn=1)
    (root / "a.txt").write_bytes(b"agent\nperson\n")
    with pytest.raises(UndoError, match=r"(?s)a\.txt was changed by somebody else.*\+person"):
        journal.undo()
    assert files(root) == {"a.txt": b"agent\nperson\n", "b.txt": b"agent\n"}
    (root / "a.txt").write_bytes(b"agent\n")
    journal.undo()
    (root / "b.txt").write_bytes(b"person\n")
    with pytest.raises(UndoError, match=r"b\.txt was changed"):
        journal.redo()
    assert files(root) == {"a.txt": b"one\n", "b.txt": b"person\n"}


def test_what_is_undone_by_hand_already_is_fine(root, journal):
    set_to(journal, "a.txt", b"agent\n")
    (root / "a.txt").write_bytes(b"one\n")
    assert journal.undo().changes == ()


def test_a_plan_that_is_out_of_date_is_refused(root, journal):
    (root / "a.txt").write_bytes(b"person\n")
    with pytest.raises(ToolError, match="changed in the meantime"):
        journal.apply([Change("a.txt", b"one\n", b"two\n")], "edit")
    with pytest.raises(ToolError, match="changed in the meantime"):
        journal.apply([Change("a.txt", None, b"two\n")], "edit")
    with pytest.raises(ToolError, match="nothing changes"):
        journal.apply([Change("a.txt", b"x", b"x")], "edit")
    assert not journal.history.done


@pytest.mark.parametrize(
    "path", [".git/hooks/pre-commit", ".megacontext/config.yaml", "../x", "/x"]
)
def test_no_step_reaches_what_is_kept_from_tools(journal, path):
    with pytest.raises(ToolError):
        journal.apply([Change(path, None, b"x")], "edit")


def test_several_files_change_together_or_not_at_all(root, journal, monkeypatch):
    original = inside.replace

    def failing(where: Path, path: str, data: bytes, mode: int | None = None) -> None:
        if path == "z.txt":
            raise StoreFullError("the disk is full")
        original(where, path, data, mode)

    monkeypatch.setattr(inside, "replace", failing)
    new = [Change(path, None, b"") for path in ("new/b.txt", "z.txt")]
    changes = [Change("a.txt", b"one\n", b"two\n"), *new]
    with pytest.raises(StoreFullError):
        journal.apply(changes, "edit")
    assert files(root) == {"a.txt": b"one\n"}
    assert not (root / "new").exists()
    assert not journal.history.done
    assert not Journal(root, journal.folder).history.done


def test_a_full_disk_keeps_the_edit_from_being_made(root, journal, monkeypatch):
    def full(self: Blobs, data: bytes) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Blobs, "keep", full)
    with pytest.raises(StoreFullError, match="could not be undone"):
        journal.apply([Change("a.txt", b"one\n", b"two\n")], "edit")
    assert files(root) == {"a.txt": b"one\n"}


def test_a_crash_between_the_note_and_the_write_costs_nothing(root, journal, monkeypatch):
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(inside, "replace", crash)
    with pytest.raises(KeyboardInterrupt):
        journal.apply([Change("a.txt", b"one\n", b"two\n")], "edit")
    monkeypatch.undo()
    again = Journal(root, journal.folder)
    assert again.undo().changes == ()
    assert files(root) == {"a.txt": b"one\n"}


def test_a_torn_log_is_read_as_far_as_it_goes(root, journal):
    set_to(journal, "a.txt", b"1")
    log = journal.folder / "steps.jsonl"
    with log.open("ab") as file:
        file.write(b'{"op": "step", "number": 2, "tu')
    again = Journal(root, journal.folder)
    set_to(again, "a.txt", b"2")
    assert [step.number for step in Journal(root, journal.folder).history.done] == [1, 2]


def test_a_damaged_store_undoes_nothing(root, journal):
    set_to(journal, "a.txt", b"1")
    for blob in (journal.folder / "contents").iterdir():
        blob.write_bytes(b"damage")
    with pytest.raises(UndoError, match="damaged"):
        journal.undo()
    shutil.rmtree(journal.folder / "contents")
    with pytest.raises(UndoError, match="lost"):
        journal.undo()
    assert files(root) == {"a.txt": b"1"}


def test_permissions_come_back_with_a_file(root, journal):
    (root / "a.txt").chmod(0o750)
    set_to(journal, "a.txt", None)
    journal.undo()
    assert stat.S_IMODE((root / "a.txt").stat().st_mode) == 0o750


def test_a_link_in_the_place_of_a_file_is_not_followed_back(root, journal, tmp_path):
    set_to(journal, "a.txt", b"1")
    (tmp_path / "outside").write_bytes(b"1")
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to(tmp_path / "outside")
    with pytest.raises(UndoError, match="link"):
        journal.undo()
    assert (tmp_path / "outside").read_bytes() == b"1"


def test_the_changes_of_a_turn_are_taken_together(root, journal):
    set_to(journal, "a.txt", b"1", turn=1)
    set_to(journal, "a.txt", b"2", turn=2)
    set_to(journal, "a.txt", b"3", turn=2)
    set_to(journal, "b", b"1", turn=2)
    set_to(journal, "b", None, turn=2)
    assert journal.changes_of(2) == (Change("a.txt", b"1", b"3"),)


def test_only_the_owner_may_look_into_a_journal(journal):
    set_to(journal, "a.txt", b"1")
    for path in [journal.folder, *journal.folder.rglob("*")]:
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path


def test_old_journals_make_room(root, tmp_path):
    folder = tmp_path / "undo"
    for number in range(4):
        set_to(Journal(root, folder / f"s{number}"), "a.txt", b"%d" % number * 1000)
    kept = folder / "s0"
    tidy(folder, 6_000, kept)
    left = {each.name for each in folder.iterdir()}
    assert "s0" in left
    assert left < {"s0", "s1", "s2", "s3"}
