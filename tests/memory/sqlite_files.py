"""What SQLite writes, seen from Python: its own file system layer, with our functions in front of it.

For tests that let writing fail in a process that will not live long: what is put in front stays there. Knows no
fault; `Watcher` decides what becomes of each write.
"""

import _sqlite3
import ctypes
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

SQLITE_OK, SQLITE_FULL, SQLITE_IOERR = 0, 13, 10
METHODS = 19
"""Words in the table of a file's methods, as its third version has them; earlier ones are shorter."""
READ, WRITE, TRUNCATE, SYNC, SIZE = 2, 3, 4, 5, 6
"""Their places in it."""

_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_Bytes = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)
_Size = CFUNCTYPE(c_int, c_void_p, POINTER(c_int64))
_Delete = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)


class _Vfs(Structure):
    _fields_ = (
        ("version", c_int),
        ("file_size", c_int),
        ("most_path", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        ("open", c_void_p),
        ("delete", c_void_p),
    )


@dataclass(frozen=True)
class SqliteFile:
    """One file that SQLite has open; its methods are SQLite's own and raise nothing."""

    path: Path
    handle: int
    _methods: Any

    def read(self, offset: int, size: int) -> bytes:
        """Bytes as they are now, zeros behind the end."""
        buffer = ctypes.create_string_buffer(size)
        _Bytes(self._methods[READ])(self.handle, ctypes.addressof(buffer), size, offset)
        return buffer.raw

    def write(self, offset: int, data: bytes) -> int:
        buffer = ctypes.create_string_buffer(data, len(data))
        write = _Bytes(self._methods[WRITE])
        assert write(self.handle, ctypes.addressof(buffer), len(data), offset) == SQLITE_OK
        return len(data)

    def truncate(self, size: int) -> None:
        assert _Truncate(self._methods[TRUNCATE])(self.handle, size) == SQLITE_OK

    def sync(self) -> None:
        assert _Sync(self._methods[SYNC])(self.handle, 2) == SQLITE_OK

    def size(self) -> int:
        found = c_int64()
        _Size(self._methods[SIZE])(self.handle, ctypes.byref(found))
        return found.value


class Watcher(Protocol):
    """What is asked before SQLite writes; an OSError that it raises is what SQLite is told."""

    def write(self, file: SqliteFile, offset: int, data: bytes) -> int: ...
    def truncate(self, file: SqliteFile, size: int) -> None: ...
    def sync(self, file: SqliteFile) -> None: ...
    def delete(self, path: Path) -> None: ...


_kept: list[object] = []
"""What C code points to."""


def watch(watcher: Watcher) -> None:
    """Let `watcher` stand before all that SQLite writes in this process, from the next file that it opens on."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = POINTER(_Vfs)
    vfs = library.sqlite3_vfs_find(None).contents
    files: dict[int, SqliteFile] = {}
    tables: dict[int, Any] = {}
    really_open, really_delete = _Open(vfs.open), _Delete(vfs.delete)

    def open_(own: int, name: int | None, handle: int, flags: int, out: int) -> int:
        code = really_open(own, name, handle, flags, out)
        table = c_void_p.from_address(handle)
        if code == SQLITE_OK and name and table.value:
            if table.value not in tables:
                tables[table.value] = _table(table.value, files, watcher)
            own_methods, ours = tables[table.value]
            path = Path(ctypes.string_at(name).decode())
            files[handle] = SqliteFile(path, handle, own_methods)
            table.value = ctypes.addressof(ours)
        return int(code)

    def delete(own: int, name: bytes, sync_folder: int) -> int:
        code = _told(lambda: watcher.delete(Path(name.decode())))
        return code or int(really_delete(own, name, sync_folder))

    for field, function in (("open", _Open(open_)), ("delete", _Delete(delete))):
        _kept.append(function)
        setattr(vfs, field, ctypes.cast(function, c_void_p).value)


def _table(address: int, files: dict[int, SqliteFile], watcher: Watcher) -> tuple[Any, Any]:
    """SQLite's own table of methods, and a copy of it that goes through `watcher`."""
    own = (c_void_p * METHODS).from_address(address)
    ours = (c_void_p * METHODS)(*own)

    def write(handle: int, data: int, size: int, offset: int) -> int:
        taken = ctypes.string_at(data, size)
        return _told(lambda: watcher.write(files[handle], offset, taken))

    def truncate(handle: int, size: int) -> int:
        return _told(lambda: watcher.truncate(files[handle], size))

    def sync(handle: int, _: int) -> int:
        return _told(lambda: watcher.sync(files[handle]))

    functions = {WRITE: _Bytes(write), TRUNCATE: _Truncate(truncate), SYNC: _Sync(sync)}
    for place, function in functions.items():
        ours[place] = ctypes.cast(function, c_void_p).value
    _kept.extend((ours, *functions.values()))
    return own, ours


def _told(act: Callable[[], object]) -> int:
    """What SQLite is told of an act: that it was done, that the disk is full, or that it failed."""
    try:
        act()
    except OSError as exc:
        return SQLITE_FULL if exc.errno == 28 else SQLITE_IOERR
    return SQLITE_OK
