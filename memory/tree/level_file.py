"""One `.ctx` file: a 64-byte header, then fixed-width rows, append-only. Knows no tree and no key.

Header (little-endian): magic `MCCT` · version u16 · level u8 · dtype u8 · block size u32 · width u32 ·
base name 40 bytes, zero-padded · reserved 4 bytes · crc32 of the 60 bytes before.
A row of L0 is one uint32 token id; a row above is `width` bf16 numbers, kept as their raw 16 bits.
"""

import errno
import mmap
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from megacontext.configs.errors import StoreDamagedError, StoreError, StoreFullError

HEADER = struct.Struct("<4sHBBII40s4s")
HEADER_SIZE = 64
MAGIC = b"MCCT"
VERSION = 1
DTYPES: dict[int, np.dtype[Any]] = {1: np.dtype("<u4"), 2: np.dtype("<u2")}
TOKEN_IDS, BFLOAT16 = 1, 2


@dataclass(frozen=True)
class Layout:
    """What the header of a level file says."""

    level: int
    dtype: int
    """TOKEN_IDS or BFLOAT16."""
    width: int
    """Numbers in a row."""
    block_size: int
    base: str

    @property
    def row_bytes(self) -> int:
        """Size of one row in bytes."""
        return self.width * DTYPES[self.dtype].itemsize

    def pack(self) -> bytes:
        """The 64 bytes of the header."""
        name = self.base.encode()[:40]
        body = HEADER.pack(
            MAGIC, VERSION, self.level, self.dtype, self.block_size, self.width, name, b""
        )
        return body + struct.pack("<I", zlib.crc32(body))


class LevelFile:
    """Appends and reads rows of one level. One writer; any number of readers in other processes."""

    def __init__(self, path: Path, layout: Layout, *, writable: bool) -> None:
        """Open `path`; a writer creates it.

        Raises StoreDamagedError when the header is damaged or says something else than `layout`, StoreError when the
        disk fails.
        """
        self.path = path
        self.layout = layout
        self._map: mmap.mmap | None = None
        flags = os.O_RDWR | os.O_CREAT if writable else os.O_RDONLY
        try:
            self._fd = os.open(path, flags | os.O_CLOEXEC, 0o644)
        except OSError as exc:
            raise StoreError(f"cannot open {path}: {exc.strerror}") from exc
        try:
            if writable and os.fstat(self._fd).st_size < HEADER_SIZE:
                self._truncate(0)
                write_all(self._fd, layout.pack(), 0, path)
            self._check_header()
        except StoreError:
            os.close(self._fd)
            raise

    def _check_header(self) -> None:
        try:
            header = os.pread(self._fd, HEADER_SIZE, 0)
        except OSError as exc:
            raise StoreError(f"cannot read {self.path}: {exc.strerror}") from exc
        if header != self.layout.pack():
            raise StoreDamagedError(f"the header of {self.path} is damaged or of another model")

    @property
    def rows(self) -> int:
        """Whole rows in the file, committed or not."""
        return (os.fstat(self._fd).st_size - HEADER_SIZE) // self.layout.row_bytes

    def append(self, rows: NDArray[np.uint32] | NDArray[np.uint16], at: int) -> None:
        """Write `rows [n, width]` (or `[n]` when the width is 1) from row `at` on, without making them durable.

        Raises StoreFullError when the disk is full; nothing before `at` is touched.
        """
        data = np.ascontiguousarray(rows, dtype=DTYPES[self.layout.dtype]).tobytes()
        write_all(self._fd, data, HEADER_SIZE + at * self.layout.row_bytes, self.path)

    def sync(self) -> None:
        """Make all appended rows durable."""
        try:
            os.fdatasync(self._fd)
        except OSError as exc:
            raise _disk_error(exc, self.path) from exc

    def cut(self, rows: int) -> None:
        """Drop everything after the first `rows` rows: a torn tail of a writer that died.

        Raises StoreError when the disk fails.
        """
        size = HEADER_SIZE + rows * self.layout.row_bytes
        if os.fstat(self._fd).st_size > size:
            self._truncate(size)

    def _truncate(self, size: int) -> None:
        try:
            os.ftruncate(self._fd, size)
        except OSError as exc:
            raise _disk_error(exc, self.path) from exc

    def read(self, start: int, count: int) -> NDArray[np.generic]:
        """Rows `[count, width]` as a read-only view of the mapped file, without a copy.

        Raises StoreDamagedError when the file is shorter than that.
        """
        layout = self.layout
        first, size = HEADER_SIZE + start * layout.row_bytes, count * layout.row_bytes
        # A file cut behind our back would kill the process at the first touch of a lost page.
        length = os.fstat(self._fd).st_size
        if first + size > length:
            raise StoreDamagedError(f"{self.path} is shorter than its committed rows")
        if self._map is None or first + size > len(self._map):
            # The old map stays alive as long as a view of it does.
            self._map = mmap.mmap(self._fd, length, access=mmap.ACCESS_READ)
        view = np.frombuffer(self._map, DTYPES[layout.dtype], count * layout.width, first)
        return view.reshape(count, layout.width)

    def close(self) -> None:
        """Close the file; views that were handed out stay valid."""
        self._map = None
        os.close(self._fd)


def write_all(fd: int, data: bytes, offset: int, path: Path) -> None:
    """`pwrite` until everything is written; raises StoreFullError or StoreError."""
    view = memoryview(data)
    while view:
        try:
            written = os.pwrite(fd, view, offset)
        except OSError as exc:
            raise _disk_error(exc, path) from exc
        view, offset = view[written:], offset + written


def _disk_error(exc: OSError, path: Path) -> StoreError:
    if exc.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return StoreFullError(
            f"the disk is full while writing {path}; free some space and run it again, nothing is lost"
        )
    return StoreError(f"cannot write {path}: {exc.strerror}")
