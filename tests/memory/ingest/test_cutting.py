"""Many files are cut in other processes, with the same result."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from megacontext.memory.chunking import chunk_file
from megacontext.memory.ingest.cutting import MANY, cutter_for
from megacontext.memory.ingest.reading import FileText

from ..workbench import Elsewhere, module, open_memory, said, write_files

SAMPLES = Path(__file__).parents[1] / "chunking" / "samples"


def texts(count: int) -> list[FileText]:
    odd = [
        b"",
        b"\0\1\2",
        b"def broken(:\n" * 20,
        "naïve = '漢字'\r\n".encode("utf-16"),
        b"x" * 5_000,
    ]
    samples = [(file.stem, file.read_bytes()) for file in sorted(SAMPLES.iterdir())]
    kinds = [*samples, *((f"odd{number}.py", data) for number, data in enumerate(odd))]
    chosen = [kinds[number % len(kinds)] for number in range(count)]
    return [
        FileText(f"p{number}/{name}", data + b"\n" * (number % 7), b"", 0)
        for number, (name, data) in enumerate(chosen)
    ]


def interpreters() -> list[int]:
    """Processes of this one that cut."""
    command = ["ps", "-ww", "-o", "pid=,args=", "--ppid", str(os.getpid())]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return [int(line.split()[0]) for line in told.splitlines() if "chunking.worker" in line]


@pytest.mark.parametrize("count", [0, 1, MANY, MANY + 1])
def test_a_file_is_cut_the_same_wherever_it_is(count):
    files = texts(count)
    with cutter_for(count) as cutter:
        assert bool(interpreters()) == (count > MANY)
        assert list(cutter.cut(files)) == [chunk_file(file.path, file.data) for file in files]
        assert list(cutter.cut(files[:3])) == list(cutter.cut(files))[:3]
    assert not interpreters()


def test_processes_that_are_taken_away_are_not_missed():
    files = texts(MANY + 100)
    with cutter_for(len(files)) as cutter:
        found = cutter.cut(files)
        first = next(found)
        for process in interpreters():
            os.kill(process, signal.SIGKILL)
        assert [first, *found] == [chunk_file(file.path, file.data) for file in files]


def test_whoever_wants_no_more_leaves_no_process_behind():
    files = texts(4 * MANY)
    with pytest.raises(KeyboardInterrupt), cutter_for(len(files)) as cutter:
        next(cutter.cut(files))
        raise KeyboardInterrupt
    assert not interpreters()


def test_a_repository_is_the_same_taken_in_at_once_or_in_parts(tmp_path):
    root = tmp_path / "repository"
    names = [f"p{number % 9}/m{number}.py" for number in range(2 * MANY + 50)]
    write_files(root, {name: module(f"m{name[4:-3]}") for name in names})
    write_files(root, {"p0/same.py": module("m0"), "p1/broken.py": "def (\n", "data.bin": b"\0"})
    with open_memory(Elsewhere(root, tmp_path / "one")) as one:
        report = one.writer.reconcile()
        with open_memory(Elsewhere(root, tmp_path / "two")) as two:
            for start in range(0, len(names), 100):
                two.writer.apply(names[start : start + 100])
            two.writer.reconcile()
            assert said(one) == said(two)
    assert len(report.added) == len(names) + 2
