"""One process of the sandbox: made, shut in as well as this machine can, limited, and gone at the end.

What shuts it in is that of the agent's own programs (`agent/sandbox`); beyond that the home folder is hidden whole, the
environment is empty, and what runs inside seals itself. Knows no program and no test.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import IO, Literal

from megacontext.models.base import Cancel

from ....sandbox.confinement import Confinement, Kind, guarded, hidden_places, order
from ....sandbox.process import Limits, Outcome, own_processes, run

Script = Literal["answering", "examining"]
_START = "import sys; sys.path.insert(0, sys.argv[1]); from inside.{script} import main; main()"
# The order of sets of text depends on the seed; both sides of a comparison must have the same.
ENVIRONMENT = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Bounds:
    """What one program may take."""

    call_s: int = 10
    """Of the processor's time, for one call of its function."""
    cpu_s: int = 120
    """For all calls."""
    wall_s: float = 600.0
    """Longer than the processor's time: a busy machine does not make a program wrong."""
    memory_mb: int = 1_000
    output_mb: int = 1
    answers_mb: int = 64
    """Of what it answers, and of any file."""
    processes: int = 4
    """Where it could start any."""


def run_cell(
    kind: Kind,
    script: Script,
    handed: Sequence[int],
    bounds: Bounds,
    cancel: Cancel | None = None,
) -> Outcome:
    """Run a script of `inside` in a folder of its own, with file descriptors for it, to its end.

    Raises OSError when it cannot be started.
    """
    with _folder() as folder, _telling(kind, folder, script, handed, bounds) as told:
        line, files_handed, status_fd = told
        return run(
            line,
            Limits(
                bounds.wall_s,
                bounds.output_mb * MEGABYTE,
                bounds.memory_mb * MEGABYTE,
                # The guard and the first process of the namespace count too.
                bounds.processes + 4,
            ),
            {**ENVIRONMENT, "TMPDIR": "/tmp"},  # noqa: S108  its own
            folder / "root",
            status_fd=status_fd,
            handed=files_handed,
            cancel=cancel,
        )


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="megacontext-")).resolve()
    try:
        for name in ("root", "tmp"):
            (folder / name).mkdir()
        (folder / "sealed").touch(mode=0)
        inside = folder / "root" / "inside"
        inside.mkdir()
        for name, source in _sources().items():
            (inside / name).write_bytes(source)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _telling(
    kind: Kind, folder: Path, script: Script, handed: Sequence[int], bounds: Bounds
) -> Iterator[tuple[list[str], list[int], int]]:
    """The command line, the file descriptors for it, and where the guard tells that it is ready."""
    root = folder / "root"
    confinement = Confinement(
        root=str(root),
        scratch=str(folder / "tmp"),
        sealed=str(folder / "sealed"),
        network=False,
        writable=(str(root),),
        hidden=tuple(_hidden(Path.home())),
        read_only=(str(root / "inside"),),
    )
    command = [
        *(sys.executable, "-B", "-s", "-S", "-P", "-c", _START.format(script=script)),
        *(str(root), *map(str, handed)),
    ]
    wanted = order(kind, confinement, _kernel_limits(bounds), command)
    status_fd, telling = os.pipe()
    try:
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(wanted.as_json()).encode())
            file.seek(0)
            try:
                line = guarded(kind, confinement, file.fileno(), telling)
                yield line, [*handed, file.fileno(), telling], status_fd
            finally:
                os.close(telling)
    finally:
        os.close(status_fd)


def _kernel_limits(bounds: Bounds) -> dict[str, int]:
    limits = {
        "RLIMIT_DATA" if sys.platform == "linux" else "RLIMIT_AS": bounds.memory_mb * MEGABYTE,
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": bounds.answers_mb * MEGABYTE,
        "RLIMIT_CPU": bounds.cpu_s,
        "RLIMIT_NOFILE": 64,
    }
    if sys.platform == "linux":
        limits["RLIMIT_NPROC"] = own_processes() + bounds.processes
    return limits


@cache
def _sources() -> dict[str, bytes]:
    folder = files(__package__) / "inside"
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.name.endswith(".py")}


@cache
def _hidden(home: Path) -> list[str]:
    # Its own folder is seen even where it lies inside of a hidden one.
    return hidden_places(home, Path("/"), [home], network=False)


def rewound(file: IO[bytes]) -> bytes:
    """All that was written to a file through any of its descriptors."""
    file.seek(0)
    return file.read()
