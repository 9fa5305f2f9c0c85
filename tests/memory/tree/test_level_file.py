import errno
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.configs.errors import StoreError
from megacontext.memory.tree.level_file import (
    BFLOAT16,
    HEADER_SIZE,
    TOKEN_IDS,
    Layout,
    LevelFile,
)

LAYOUT = Layout(level=1, dtype=BFLOAT16, width=4, block_size=32, base="tiny")


def rows(start: int, count: int, width: int = 4) -> np.ndarray:
    return np.arange(start * width, (start + count) * width, dtype=np.uint16).reshape(count, width)


def test_header_is_64_bytes_and_says_what_the_file_is(tmp_path: Path) -> None:
    LevelFile(tmp_path / "L1.ctx", LAYOUT, writable=True).close()
    header = (tmp_path / "L1.ctx").read_bytes()
    assert len(header) == HEADER_SIZE == 64
    assert header[:4] == b"MCCT"
    assert header[6] == 1
    assert b"tiny" in header


@pytest.mark.parametrize("layout", [LAYOUT, Layout(0, TOKEN_IDS, 1, 32, "a" * 60)])
def test_rows_come_back_in_the_same_process_and_later(tmp_path: Path, layout: Layout) -> None:
    written = LevelFile(tmp_path / "L.ctx", layout, writable=True)
    written.append(rows(0, 5, layout.width), 0)
    first = written.read(0, 5)
    written.append(rows(5, 3000, layout.width), 5)
    written.sync()
    np.testing.assert_array_equal(written.read(4, 2), rows(4, 2, layout.width))
    written.close()
    # What was handed out outlives the file.
    np.testing.assert_array_equal(first, rows(0, 5, layout.width))
    again = LevelFile(tmp_path / "L.ctx", layout, writable=False)
    assert again.rows == 3005
    np.testing.assert_array_equal(again.read(0, 3005), rows(0, 3005, layout.width))
    with pytest.raises(ValueError, match="read-only"):
        again.read(0, 1)[0, 0] = 1
    again.close()


@given(at=st.integers(0, HEADER_SIZE - 1), bit=st.integers(0, 7))
def test_a_header_with_any_bit_flipped_is_refused(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    path = tmp_path_factory.mktemp("level") / "L1.ctx"
    LevelFile(path, LAYOUT, writable=True).close()
    damaged = bytearray(path.read_bytes())
    damaged[at] ^= 1 << bit
    path.write_bytes(damaged)
    for writable in (True, False):
        with pytest.raises(StoreError, match=r"header of .*L1\.ctx is damaged"):
            LevelFile(path, LAYOUT, writable=writable)
    assert path.read_bytes() == damaged


def test_a_disk_that_fails_is_told_and_nothing_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    path = tmp_path / "L1.ctx"
    file = LevelFile(path, LAYOUT, writable=True)
    file.append(rows(0, 5), 0)
    before = len(list(Path("/dev/fd").iterdir()))
    monkeypatch.setattr(os, "ftruncate", fail)
    with pytest.raises(StoreError, match=r"cannot write .*Input/output error"):
        file.cut(2)
    for step in ("ftruncate", "pwrite", "pread"):
        monkeypatch.setattr(os, step, fail)
        with pytest.raises(StoreError, match="Input/output error"):
            LevelFile(tmp_path / "L2.ctx", LAYOUT, writable=True)
        monkeypatch.undo()
    assert len(list(Path("/dev/fd").iterdir())) == before
    file.close()


@pytest.mark.parametrize(
    "other",
    [
        Layout(2, BFLOAT16, 4, 32, "tiny"),
        Layout(1, BFLOAT16, 8, 32, "tiny"),
        Layout(1, BFLOAT16, 4, 16, "tiny"),
        Layout(1, BFLOAT16, 4, 32, "huge"),
    ],
)
def test_a_file_of_another_model_is_refused(tmp_path: Path, other: Layout) -> None:
    LevelFile(tmp_path / "L1.ctx", other, writable=True).close()
    with pytest.raises(StoreError, match="of another model"):
        LevelFile(tmp_path / "L1.ctx", LAYOUT, writable=False)


def test_a_reader_needs_a_file_and_a_writer_makes_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open"):
        LevelFile(tmp_path / "L1.ctx", LAYOUT, writable=False)
    (tmp_path / "L1.ctx").write_bytes(LAYOUT.pack()[:40])  # a writer died here
    made = LevelFile(tmp_path / "L1.ctx", LAYOUT, writable=True)
    assert made.rows == 0
    made.close()


def test_a_file_cut_behind_our_back_is_an_error_not_a_crash(tmp_path: Path) -> None:
    file = LevelFile(tmp_path / "L1.ctx", LAYOUT, writable=True)
    file.append(rows(0, 4000), 0)
    file.read(0, 4000)
    os.truncate(file.path, HEADER_SIZE + 8 * 10 + 3)
    assert file.rows == 10
    with pytest.raises(StoreError, match="shorter than its committed rows"):
        file.read(9, 2)
    np.testing.assert_array_equal(file.read(0, 10), rows(0, 10))
    file.close()


def test_cut_drops_a_torn_tail_and_nothing_else(tmp_path: Path) -> None:
    file = LevelFile(tmp_path / "L1.ctx", LAYOUT, writable=True)
    file.append(rows(0, 7), 0)
    file.cut(5)
    file.cut(6)
    assert file.rows == 5
    np.testing.assert_array_equal(file.read(0, 5), rows(0, 5))
    file.close()
