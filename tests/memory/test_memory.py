"""Opening a memory: who may write, who may read, and what a person is told when it cannot be used."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from megacontext.configs.errors import (
    RepositoryError,
    StoreBusyError,
    StoreError,
    StoreVersionError,
)
from megacontext.memory.memory import Memory
from megacontext.memory.places import find_places

from .workbench import SumGister, git, module, open_memory, said, scratch, write_files

HOLD = """
import sys
from pathlib import Path
from tests.memory.workbench import open_memory
with open_memory(Path(sys.argv[1])) as memory:
    memory.writer.reconcile()
    print("open", flush=True)
    sys.stdin.readline()
"""


class Holder:
    """Another process that has the memory of a repository open for writing."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(root)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == b"open\n"

    def __enter__(self) -> "Holder":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def test_the_second_writer_is_told_who_writes_and_may_read(root: Path) -> None:
    write_files(root, {"a.py": module("a")})
    with Holder(root) as holder:
        with pytest.raises(StoreBusyError, match=f"process {holder.process.pid} .*wait for it"):
            open_memory(root)
        with open_memory(root, write=False) as reader:
            assert reader.catalogue.counts()["files"] == 1
            writer = reader.who_writes()
            assert writer
            assert writer.pid == holder.process.pid
            with pytest.raises(StoreError, match="reading only"):
                _ = reader.writer


def test_the_lock_dies_with_its_process(root: Path) -> None:
    with Holder(root) as holder:
        holder.process.send_signal(signal.SIGKILL)
        holder.process.wait()
        with open_memory(root) as memory:
            writer = memory.who_writes()
            assert writer
            assert writer.pid == os.getpid()
    with open_memory(root, write=False) as reader:
        assert reader.who_writes() is None


def test_two_writers_in_one_process_exclude_each_other(root: Path) -> None:
    with open_memory(root), pytest.raises(StoreBusyError, match=str(os.getpid())):
        open_memory(root)
    open_memory(root).close()


READ = """
import sys
from pathlib import Path
from tests.memory.workbench import SumGister, open_memory
root = Path(sys.argv[1])
seen = set()
with open_memory(root, write=False) as memory:
    print("open", flush=True)
    while True:
        with memory.reading():
            for file in memory.catalogue.files():
                chunks = memory.catalogue.chunks_of(file.id)
                rows = memory.chunk_rows(chunks)
                for chunk in chunks:
                    found = rows[chunk.digest]
                    assert len(memory.store.tokens(found)) == chunk.end - chunk.start
                    memory.store.block_gists(found)
                    memory.store.chunk_gists(found)
            files = memory.catalogue.counts()["files"]
        seen.add(files)
        if files >= 40:
            break
print(len(seen))
"""


def test_a_reader_reads_whole_facts_while_the_writer_writes(root: Path, memory: Memory) -> None:
    write_files(root, {"m0.py": module("name0")})
    memory.writer.reconcile()
    reader = subprocess.Popen(
        [sys.executable, "-c", READ, str(root)],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    )
    assert reader.stdout
    assert reader.stdout.readline() == b"open\n"
    for number in range(1, 40):
        write_files(root, {f"m{number}.py": module(f"name{number}"), "m0.py": f"x = {number}\n"})
        memory.writer.apply([f"m{number}.py", "m0.py"])
        memory.gisting(SumGister()).run()
    output, _ = reader.communicate()
    assert reader.returncode == 0
    assert int(output) >= 1


def test_what_is_not_committed_is_not_read(root: Path, memory: Memory) -> None:
    write_files(root, {"a.py": module("a")})
    memory.writer.reconcile()
    before = said(memory)

    class Stop(Exception):
        pass

    with pytest.raises(Stop), memory.writer.transaction():
        memory.writer.db.execute("DELETE FROM files")
        assert said(memory) == before
        raise Stop
    assert said(memory) == before
    memory.writer.reconcile()
    assert said(memory) == before


GARBAGE = [b"garbage" * 1000, b"", b"SQLite format 3\0" + b"\xff" * 5000]


@pytest.mark.parametrize("content", GARBAGE)
@pytest.mark.parametrize("write", [True, False])
def test_a_catalogue_that_is_none_is_one_sentence(root: Path, content: bytes, write: bool) -> None:
    write_files(root, {".megacontext/catalogue.db": content, "a.py": "x = 1\n"})
    if content == b"" and write:
        with open_memory(root) as memory:  # an empty file is a database without tables
            memory.writer.reconcile()
            assert memory.verifier().run().errors == []
        return
    with pytest.raises(StoreError, match="megacontext") as caught:
        open_memory(root, write=write)
    assert "\n" not in str(caught.value)
    assert "catalogue.db" in str(caught.value) or "index" in str(caught.value)
    # Nothing stays locked or open.
    (root / ".megacontext/catalogue.db").unlink()
    open_memory(root).close()


def test_damage_inside_the_catalogue_is_one_sentence(root: Path) -> None:
    write_files(root, {f"m{n}.py": module(f"name{n}") for n in range(20)})
    with open_memory(root) as memory:
        memory.writer.reconcile()
    path = root / ".megacontext/catalogue.db"
    data = bytearray(path.read_bytes())
    data[4096:] = b"\x5a" * (len(data) - 4096)
    path.write_bytes(data)
    for write in (True, False):
        told = pytest.raises(StoreError, match=r"damaged.*delete the \.megacontext folder")
        with told, open_memory(root, write=write) as memory:
            (memory.writer.reconcile if write else memory.verifier().run)()


@pytest.mark.parametrize("act", ["read", "make gists"])
def test_damage_met_while_reading_is_one_sentence_too(root: Path, act: str) -> None:
    write_files(root, {f"m{n}.py": module(f"name{n}") for n in range(20)})
    with open_memory(root) as memory:
        memory.writer.reconcile()
        memory.writer.db.execute("DROP TABLE chunks")
        with pytest.raises(StoreError, match=r"catalogue\.db cannot be used"):
            if act == "read":
                with memory.reading():
                    memory.catalogue.chunks_of(1)
            else:
                memory.gisting(SumGister()).run()
        assert not memory.db.in_transaction


@pytest.mark.parametrize("write", [True, False])
def test_a_newer_catalogue_is_refused_and_left_alone(root: Path, write: bool) -> None:
    with open_memory(root) as memory:
        memory.writer.reconcile()
    path = root / ".megacontext/catalogue.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreVersionError, match=r"version 99.*upgrade MegaContext"):
        open_memory(root, write=write)
    assert path.read_bytes() == before


def test_a_reader_needs_an_index(root: Path) -> None:
    with pytest.raises(StoreError, match="not indexed yet; run `megacontext index`"):
        open_memory(root, write=False)
    assert not (root / ".megacontext").exists()


def test_the_state_folder_hides_itself_from_git(root: Path) -> None:
    git(root, "init", "-q")
    write_files(root, {"a.py": "x = 1\n"})
    with open_memory(root) as memory:
        memory.writer.reconcile()
        assert [item.path for item in memory.catalogue.left_out()] == []
    assert git(root, "status", "--porcelain") == "?? a.py\n"


AS_NOBODY = """
import os, sys
from pathlib import Path
from megacontext.configs.errors import MegaContextError
from megacontext.memory.chunking import chunk_file
from tests.memory.workbench import open_memory
chunk_file("a.py", b"x = 1")  # loads the grammar while that is allowed
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    with open_memory(Path(sys.argv[1])) as memory:
        memory.writer.reconcile()
        for item in memory.catalogue.left_out():
            print(item.path, "|", item.reason)
except MegaContextError as exc:
    print(type(exc).__name__, exc)
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """An empty folder that everybody may look into; pytest's own are closed to others."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "repository").mkdir()
        yield folder / "repository"


def as_nobody(root: Path) -> str:
    """Index `root` as a user without rights; what it printed."""
    if os.getuid() != 0:
        pytest.skip("only root can become nobody")
    done = subprocess.run(
        [sys.executable, "-B", "-c", AS_NOBODY, str(root)],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"HOME": str(root.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_repository_that_cannot_be_written_is_one_sentence(public: Path) -> None:
    write_files(public, {"a.py": "x = 1\n"})
    assert "StoreError cannot write" in as_nobody(public)
    open_memory(public).close()
    told = as_nobody(public)
    assert told.startswith("StoreError cannot")
    assert "make the folder writable" in told


@pytest.mark.parametrize("with_git", [True, False])
def test_unreadable_files_are_left_out_with_a_reason(public: Path, with_git: bool) -> None:
    write_files(public, {"a.py": "x = 1\n", "closed.py": "x = 2\n", "shut/b.py": "x = 3\n"})
    if with_git:
        git(public, "init", "-q")
        git(public, "add", ".")
    for path in (public, *public.rglob("*")):
        os.chown(path, 65534, 65534)
    (public / "closed.py").chmod(0)
    (public / "shut").chmod(0)
    told = as_nobody(public)
    assert "closed.py | unreadable: Permission denied" in told
    assert f"shut/{'b.py' * with_git} | unreadable: Permission denied" in told


def test_repositories_are_found_from_inside(root: Path) -> None:
    write_files(root, {"a/b/c.py": "x = 1\n"})
    assert find_places(root / "a/b").root == root / "a/b"
    git(root, "init", "-q")
    assert find_places(root / "a/b").root == root
    (root / "a/.megacontext").mkdir()
    assert find_places(root / "a/b").root == root / "a"


def test_what_is_no_repository_is_one_sentence(root: Path, tmp_path: Path) -> None:
    write_files(root, {"a.py": "x = 1\n"})
    git(root, "init", "-q")
    git(tmp_path, "clone", "-q", "--bare", str(root), "bare.git")
    (root / "loop").symlink_to("loop")
    for start, told in [
        (tmp_path / "bare.git", "bare git repository"),
        (root / "a.py", "is a file"),
        (root / "nowhere", "cannot be opened"),
        (root / "loop", "cannot be opened"),
    ]:
        with pytest.raises(RepositoryError, match=told):
            find_places(start)


def test_a_repository_at_a_strange_path(tmp_path: Path) -> None:
    root = tmp_path / "a b?#%20 ü'\"\n"
    write_files(root, {"ä ö.py": module("a"), "b'\".py": "x = 1\n"})
    with open_memory(root) as memory:
        memory.writer.reconcile()
    with open_memory(root, write=False) as reader:
        assert reader.verifier().run().errors == []
        assert said(reader) == scratch(root, tmp_path / "state")


@pytest.mark.parametrize("link", [".megacontext", ".megacontext/trees", ".megacontext/logs"])
def test_a_state_folder_that_leads_elsewhere_is_refused(tmp_path: Path, link: str) -> None:
    root, outside = tmp_path / "repository", tmp_path / "outside"
    (root / ".git").mkdir(parents=True)
    outside.mkdir()
    (root / link).parent.mkdir(exist_ok=True)
    (root / link).symlink_to(outside, target_is_directory=True)
    with pytest.raises(StoreError, match="is a symbolic link"):
        find_places(root).make_state_folder()
    assert list(outside.iterdir()) == []
