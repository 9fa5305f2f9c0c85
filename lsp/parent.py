"""Whether the process that a client named is still there. Knows no protocol."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

LOOK_S = 1.0


async def until_gone(pid: int, on_gone: Callable[[], None]) -> None:
    """Look until a process has ended."""
    while is_alive(pid):
        await asyncio.sleep(LOOK_S)
    on_gone()


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked about does not."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        told = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return told.rpartition(b")")[2].split()[:1] == [b"Z"]
