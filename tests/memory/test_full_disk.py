"""A disk that fills up: one sentence, and an index that is whole."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from megacontext.configs.errors import StoreError, StoreFullError

from .workbench import Elsewhere, SumGister, module, open_memory, said, scratch, write_files

DISK_KB = 2_048
BEFORE = {f"p{n % 2}/m{n}.py": module(f"name{n}") for n in range(6)}
AFTER = {f"q{n % 3}/m{n}.py": module(f"other{n}", 20) for n in range(40)}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A very small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_KB}k", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(disk: Path, free_kb: int) -> Path:
    """Take all room but so much."""
    ballast = disk / "ballast"
    status = os.statvfs(disk)
    size = status.f_bavail * status.f_frsize - free_kb * 1024
    with ballast.open("wb") as file:
        file.write(b"x" * max(0, size))
    return ballast


@pytest.mark.parametrize("free_kb", [0, 8, 40, 100, 200, 300, 420])
def test_a_full_disk_loses_nothing(disk: Path, root: Path, free_kb: int) -> None:
    places = Elsewhere(root, disk / "state")
    write_files(root, BEFORE)
    with open_memory(places) as memory:
        memory.writer.reconcile()
        memory.gisting(SumGister()).run()
        before = said(memory)
    write_files(root, AFTER)
    with open_memory(places) as memory:
        ballast = fill(disk, free_kb)
        with pytest.raises(StoreFullError, match=r"the disk is full.*free some space"):
            memory.writer.reconcile()
            memory.gisting(SumGister()).run()
        if memory.root_key == before["root"]:
            assert said(memory) == before
        ballast.unlink()
        # The same process goes on when there is room again.
        memory.writer.reconcile()
        ballast = fill(disk, 0)
        with suppress(StoreFullError):
            memory.gisting(SumGister()).run()
        ballast.unlink()
    with open_memory(places) as memory:
        memory.writer.reconcile()
        assert memory.verifier().run().errors == []
        assert said(memory) == scratch(root, root.parent / "scratch")


@pytest.mark.parametrize("free_kb", [0, 4, 20, 36, 60])
def test_opening_on_a_full_disk_is_one_sentence(disk: Path, root: Path, free_kb: int) -> None:
    places = Elsewhere(root, disk / "state")
    write_files(root, AFTER)
    ballast = fill(disk, free_kb)
    with pytest.raises(StoreError) as caught, open_memory(places) as memory:
        memory.writer.reconcile()
    assert str(caught.value).count("\n") == 0
    ballast.unlink()
    with open_memory(places) as memory:
        memory.writer.reconcile()
        assert memory.verifier().run().errors == []


LIMITED = """
import resource, signal, sys
from pathlib import Path
from megacontext.configs.errors import StoreError
from tests.memory.workbench import SumGister, open_memory

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
with open_memory(Path(sys.argv[1])) as memory:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        memory.writer.reconcile()
        memory.gisting(SumGister()).run()
    except StoreError as exc:
        print(type(exc).__name__, exc)
"""


@pytest.mark.parametrize("limit", [2_000, 20_000, 90_000])
def test_a_limit_on_file_sizes_loses_nothing(root: Path, limit: int) -> None:
    write_files(root, BEFORE)
    with open_memory(root) as memory:
        memory.writer.reconcile()
        before = said(memory)
    write_files(root, AFTER)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(root), str(limit)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("Store")
    with open_memory(root, write=False) as memory:
        assert said(memory) == before
    with open_memory(root) as memory:
        memory.writer.reconcile()
        memory.gisting(SumGister()).run()
        assert memory.verifier().run().errors == []
        assert said(memory) == scratch(root, root.parent / "scratch")
