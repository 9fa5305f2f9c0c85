"""Real files, the real watcher: after every change memory is what a new index would be."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from megacontext.configs.errors import MegaContextError, StoreError
from megacontext.memory.memory import Memory
from megacontext.memory.watching import Batch, Watcher
from megacontext.memory.watching.linux import InotifySource
from megacontext.memory.watching.pending import PendingChanges
from tests.patience import LOOK_S, PATIENCE_S

from ..workbench import commit_all, git, module, open_memory, said, scratch, write_files


@dataclass
class Watched:
    """A repository under watch; `wait` until memory says what a new index says."""

    root: Path
    memory: Memory
    batches: list[Batch] = field(default_factory=list)
    errors: list[MegaContextError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watcher = Watcher(self.memory.writer, 0.02, self.batches.append, self.errors.append)

    @property
    def source(self) -> InotifySource:
        source = self.watcher._source
        assert isinstance(source, InotifySource)
        return source

    def wait_for(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, (self.batches, self.errors)
            time.sleep(LOOK_S)

    def indexed(self) -> set[str]:
        return {file.path for file in self.memory.catalogue.files()}

    def settles(self) -> None:
        """Wait until everything done so far has been taken in."""
        with TemporaryDirectory(dir=self.root.parent) as folder:
            expected = scratch(self.root, Path(folder, "scratch"))
        self.wait_for(lambda: self.memory.root_key == expected["root"])
        # What is ignored is told by the next whole comparison; all else is fresh.
        now = said(self.memory)
        assert {**now, "left out": ()} == {**expected, "left out": ()}
        assert self.errors == []

    def passes_by(self, name: str = "marker.py") -> None:
        """Wait until the watcher has taken in a later change."""
        text = f"marker = {len(self.batches)}\n"
        write_files(self.root, {name: text})
        self.wait_for(
            lambda: any(name in [*b.report.added, *b.report.changed] for b in self.batches)
        )
        (self.root / name).unlink()
        self.settles()


@pytest.fixture(params=["git", "no git"])
def watched(root: Path, request: pytest.FixtureRequest) -> Iterator[Watched]:
    write_files(root, {f"p{n % 3}/m{n}.py": module(f"name{n}") for n in range(9)})
    write_files(root, {"a.py": "x = 1\n", ".gitignore": "build/\n*.log\n"})
    if request.param == "git":
        git(root, "init", "-q")
        commit_all(root)
    with open_memory(root) as memory:
        memory.writer.reconcile()
        made = Watched(root, memory)
        made.watcher.start()
        yield made
        made.watcher.stop()
        assert made.memory.verifier().run().errors == []


only_git = pytest.mark.parametrize("watched", ["git"], indirect=True)


def test_writes_replacements_deletions(watched: Watched) -> None:
    root = watched.root
    write_files(root, {"a.py": "x = 2\n", "p0/new.py": "y = 1\n"})
    watched.settles()
    (root / "a.py~").write_text("x = 3\n")
    (root / "a.py~").replace(root / "a.py")
    watched.settles()
    (root / "p1/m1.py").unlink()
    (root / "p1/m4.py").rename(root / "p2/moved.py")
    watched.settles()
    assert watched.batches
    for batch in watched.batches:
        assert batch.latency_s >= batch.window_s >= 0


def test_folders_made_moved_in_and_out_and_deleted(watched: Watched, tmp_path: Path) -> None:
    root = watched.root
    write_files(root, {f"new/deep/er/f{n}.py": f"x = {n}\n" for n in range(5)})
    watched.settles()
    write_files(root, {"new/deep/er/late.py": "x = 9\n"})
    watched.settles()
    (root / "new").rename(root / "p0/renamed")
    watched.settles()
    write_files(root, {"p0/renamed/deep/er/later.py": "x = 10\n"})
    watched.settles()
    (root / "p0/renamed").rename(tmp_path / "outside")
    watched.settles()
    # What goes on outside is nobody's business.
    write_files(tmp_path, {"outside/deep/er/unseen.py": "x = 1\n"})
    watched.passes_by()
    write_files(tmp_path, {"other/inner/g.py": "x = 1\n"})
    (tmp_path / "other").rename(root / "other")
    watched.settles()
    write_files(root, {"other/inner/g.py": "x = 2\n"})
    watched.settles()
    shutil.rmtree(root / "other")
    shutil.rmtree(root / "p1")
    watched.settles()
    watched.wait_for(
        lambda: (
            not any(folder.startswith(("other", "p1", "new")) for folder in watched.source.watched)
        )
    )


def test_a_file_becomes_a_folder_and_back(watched: Watched) -> None:
    root = watched.root
    (root / "a.py").unlink()
    write_files(root, {"a.py/inner.py": "x = 1\n"})
    watched.settles()
    shutil.rmtree(root / "a.py")
    write_files(root, {"a.py": "x = 5\n"})
    watched.settles()


def test_ignored_folders_are_never_watched(watched: Watched) -> None:
    root = watched.root
    write_files(root, {"build/out/o.py": "x = 1\n", "node_modules/lib/i.js": "x\n"})
    write_files(root, {"p0/build/o.py": "x = 1\n", "p0/__pycache__/m.pyc": "x\n", "a.log": "x\n"})
    write_files(root, {"p0/seen/b.py": "x = 1\n"})
    watched.settles()
    watched.passes_by()
    watched.wait_for(lambda: watched.source.watched == {"", "p0", "p1", "p2", "p0/seen"})
    assert not any("build" in path or "log" in path for path in watched.indexed())
    assert (root / ".megacontext").is_dir()


def test_an_edited_gitignore_counts_at_once(watched: Watched) -> None:
    root = watched.root
    write_files(root, {"build/o.py": "x = 1\n", "p0/c.log": "x = 1\n"})
    watched.passes_by()
    (root / ".gitignore").write_text("*.md\np2/\n" if not (root / ".git").exists() else "*.md\n")
    watched.settles()
    watched.wait_for(lambda: "build" in watched.source.watched)
    write_files(root, {"build/o.py": "x = 2\n", "b.md": "# no\n"})
    watched.settles()
    assert {"build/o.py", "p0/c.log"} <= watched.indexed()
    (root / "p1/.gitignore").write_text("new.py\n")
    write_files(root, {"p1/new.py": "x = 1\n"})
    watched.settles()


@only_git
def test_a_branch_switch_with_hundreds_of_files(watched: Watched) -> None:
    root = watched.root
    git(root, "checkout", "-q", "-b", "other")
    write_files(root, {f"q{n % 20}/r{n % 3}/m{n}.py": f"x = {n}\n" for n in range(600)})
    shutil.rmtree(root / "p1")
    commit_all(root)
    watched.settles()
    git(root, "checkout", "-q", "-")
    watched.settles()
    watched.wait_for(lambda: watched.source.watched == {"", "p0", "p1", "p2"})
    git(root, "checkout", "-q", "other")
    watched.settles()
    write_files(root, {"q7/r1/m7.py": "late = 1\n"})
    watched.settles()


@only_git
def test_nested_repositories_by_their_own_rules(watched: Watched, tmp_path: Path) -> None:
    root = watched.root
    write_files(tmp_path, {"lib/a.py": "x = 1\n", "lib/.gitignore": "*.gen.py\n"})
    git(tmp_path / "lib", "init", "-q")
    commit_all(tmp_path / "lib")
    git(root, "submodule", "--quiet", "add", str(tmp_path / "lib"), "sub")
    shutil.copytree(tmp_path / "lib", root / "nested")
    watched.settles()
    watched.wait_for(lambda: {"sub", "nested"} <= watched.source.watched)
    for folder in ("sub", "nested"):
        write_files(root, {f"{folder}/b.py": "x = 2\n", f"{folder}/b.gen.py": "x = 3\n"})
        write_files(root, {f"{folder}/inner/c.py": "x = 2\n", f"{folder}/build/d.py": "x\n"})
    watched.settles()
    write_files(root, {"sub/a.py": "x = 4\n", "nested/inner/c.py": "x = 5\n"})
    watched.settles()
    assert "sub/b.gen.py" not in watched.indexed()


@only_git
def test_tracked_files_in_folders_that_are_ignored_stay_fresh(watched: Watched) -> None:
    root = watched.root
    write_files(root, {"build/kept.py": "x = 1\n", "build/not/b.py": "x", "venv/own.py": "x = 1\n"})
    git(root, "add", "-f", "build/kept.py", "venv/own.py")
    write_files(root, {".gitignore": "build/\n*.log\n# touched\n"})
    watched.settles()
    write_files(root, {"build/kept.py": "x = 2\n", "venv/own.py": "x = 2\n"})
    watched.settles()
    watched.wait_for(lambda: {"build", "venv"} <= watched.source.watched)
    assert "build/not" not in watched.source.watched


def test_after_lost_events_everything_is_compared(watched: Watched) -> None:
    root = watched.root
    source = watched.source
    source.watch(set())  # from here on nothing is heard
    write_files(root, {"a.py": "x = 7\n", "fresh/inner/f.py": "x = 1\n"})
    (root / "p0/m0.py").unlink()
    source.on_queue_overflow()
    watched.settles()
    # What stands in a new folder may be read before the folder itself is watched.
    watched.wait_for(lambda: "fresh/inner" in source.watched)
    write_files(root, {"fresh/inner/f.py": "x = 2\n"})
    watched.settles()


def test_strange_names_and_kinds_harm_nothing(watched: Watched, tmp_path: Path) -> None:
    root = watched.root
    (root / os.fsdecode(b"bad\xff.py")).write_text("x = 1\n")
    os.mkfifo(root / "pipe.py")
    (root / "link.py").symlink_to("a.py")
    (root / "loop").symlink_to(".")
    (root / "out").symlink_to(tmp_path)
    (root / os.fsdecode(b"bad\xfe")).mkdir()
    write_files(root, {"with\nnewline.py": "x = 1\n", "ü/é.py": "x = 1\n"})
    watched.settles()
    watched.passes_by()
    assert {"with\nnewline.py", "ü/é.py"} <= watched.indexed()
    assert not any("out" in folder or "loop" in folder for folder in watched.source.watched)


def test_an_error_is_told_and_what_was_missed_is_made_up_for(watched: Watched) -> None:
    root = watched.root
    watched.passes_by()
    writer = watched.memory.writer
    full = "CREATE TRIGGER full BEFORE INSERT ON files BEGIN SELECT RAISE(ABORT, 'full'); END"
    with writer.lock:
        writer.db.execute(full)
    write_files(root, {"missed.py": "x = 1\n"})
    watched.wait_for(lambda: bool(watched.errors))
    assert isinstance(watched.errors[0], StoreError)
    with writer.lock:
        writer.db.execute("DROP TRIGGER full")
    write_files(root, {"a.py": "x = 8\n"})
    watched.wait_for(lambda: "missed.py" in watched.indexed())
    watched.errors.clear()
    watched.settles()
    assert "missed.py" in watched.indexed()


def test_nothing_is_left_after_stop(root: Path) -> None:
    write_files(root, {f"p{n}/a.py": "x = 1\n" for n in range(20)})
    with open_memory(root) as memory:
        memory.writer.reconcile()
        before = set(threading.enumerate())
        # Opened once and kept: files of the memory itself.
        memory.writer.reconcile()
        open_before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            watched = Watched(root, memory)
            watched.watcher.start()
            write_files(root, {"p1/a.py": f"x = {id(watched)}\n"})
            watched.settles()
            watched.watcher.stop()
        # What others have begun in this process may end meanwhile.
        assert set(threading.enumerate()) <= before
        assert len(list(Path("/proc/self/fd").iterdir())) <= open_before
        count = len(watched.batches)
        write_files(root, {"p2/a.py": "x = 77\n"})
        assert len(watched.batches) == count


def test_what_happened_before_the_start_is_not_missed(root: Path) -> None:
    write_files(root, {"a.py": "x = 1\n"})
    with open_memory(root) as memory:
        memory.writer.reconcile()
        write_files(root, {"a.py": "x = 2\n", "b/c.py": "x = 3\n"})
        watched = Watched(root, memory)
        watched.watcher.start()
        watched.settles()
        watched.watcher.stop()


class TestPendingChanges:
    def test_changes_of_one_burst_come_together(self) -> None:
        pending = PendingChanges(0.0)
        for path in ("a", "b", "a"):
            pending.add(path)
        changes = pending.take(1)
        assert changes
        assert changes.paths == {"a", "b"}
        assert not changes.everything
        assert pending.take(0) is None

    def test_many_changes_are_one_comparison_without_a_look_at_folders(self) -> None:
        pending = PendingChanges(0.0)
        for number in range(PendingChanges.BURST + 1):
            pending.add(str(number))
        changes = pending.take(1)
        assert changes
        assert (changes.everything, changes.folders) == (True, False)

    def test_lost_events_are_not_forgotten_with_a_burst(self) -> None:
        pending = PendingChanges(0.0)
        pending.add_everything(folders=True)
        pending.add_everything()
        changes = pending.take(1)
        assert changes
        assert (changes.everything, changes.folders) == (True, True)

    def test_a_burst_without_end_is_cut(self) -> None:
        pending = PendingChanges(0.01)
        stop = threading.Event()

        def keep_on() -> None:
            while not stop.wait(0.001):
                pending.add("a")

        thread = threading.Thread(target=keep_on)
        thread.start()
        changes = pending.take(PATIENCE_S)
        stop.set()
        thread.join()
        assert changes
        assert changes.paths == {"a"}

    def test_close_wakes_who_waits(self) -> None:
        pending = PendingChanges(0.0)
        closer = threading.Timer(0.01, pending.close)
        closer.start()
        assert pending.take(PATIENCE_S) is None
        closer.join()
        assert pending.closed
