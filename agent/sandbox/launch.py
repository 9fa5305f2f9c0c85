"""Starts one program under one kind of protection: folders made, order written, guard started, all cleaned up."""

import json
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from megacontext.models.base import Cancel

from .confinement import TEMPORARY, Confinement, Kind, guarded, order
from .environment import environment
from .process import Limits, Outcome, own_processes, run


@dataclass(frozen=True)
class Wish:
    """A program, and what it may reach."""

    command: Sequence[str]
    root: Path
    """Its folder, resolved."""
    network: bool = False
    writable: tuple[Path, ...] = ()
    hidden: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    """Further variables of the environment."""
    file_bytes: int = 1 << 30
    """Size of the largest file it may write."""
    extra: dict[str, str] = field(default_factory=dict)
    """Variables set for it."""


def launch(
    kind: Kind,
    wish: Wish,
    limits: Limits,
    cancel: Cancel | None = None,
    *,
    shown_at: int | None = None,
) -> Outcome:
    """Run a program to its end; what it writes is also written to the file descriptor `shown_at`.

    Raises OSError when not even the guard can be started.
    """
    folder = Path(tempfile.mkdtemp(prefix="megacontext-")).resolve()
    try:
        scratch, sealed = folder / "tmp", folder / "sealed"
        scratch.mkdir()
        sealed.touch(mode=0)
        confinement = Confinement(
            root=str(wish.root),
            scratch=str(scratch),
            sealed=str(sealed),
            network=wish.network,
            writable=tuple(map(str, wish.writable)),
            hidden=wish.hidden,
            read_only=wish.read_only,
        )
        private = TEMPORARY if kind in {"bubblewrap", "namespaces"} else str(scratch)
        seen = environment(os.environ, wish.variables, private) | wish.extra
        wanted = order(kind, confinement, _limits(limits, wish.file_bytes), wish.command)
        return _start(
            kind, confinement, json.dumps(wanted.as_json()), limits, seen, cancel, shown_at
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(
    kind: Kind,
    confinement: Confinement,
    wanted: str,
    limits: Limits,
    seen: dict[str, str],
    cancel: Cancel | None,
    shown_at: int | None,
) -> Outcome:
    told, telling = os.pipe()
    try:
        with tempfile.TemporaryFile() as file:
            file.write(wanted.encode())
            file.seek(0)
            line = guarded(kind, confinement, file.fileno(), telling)
            handed = (file.fileno(), telling)
            try:
                return run(
                    line,
                    limits,
                    seen,
                    Path(confinement.root),
                    status_fd=told,
                    handed=handed,
                    cancel=cancel,
                    shown_at=shown_at,
                )
            finally:
                os.close(telling)
    finally:
        os.close(told)


def _limits(limits: Limits, file_bytes: int) -> dict[str, int]:
    """What the kernel limits for each process; the sum over all is the onlooker's matter."""
    # Address space is reserved by the gigabyte (node, Java, Go) without being used; data is what is written to.
    memory = "RLIMIT_DATA" if sys.platform == "linux" else "RLIMIT_AS"
    kernel = {memory: limits.memory_bytes, "RLIMIT_CORE": 0, "RLIMIT_FSIZE": file_bytes}
    if sys.platform == "linux":
        # It counts every thread of this user, here and in other programs.
        kernel["RLIMIT_NPROC"] = own_processes() + limits.processes
    return {name: most for name, most in kernel.items() if hasattr(resource, name)}
