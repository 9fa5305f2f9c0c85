"""Python files of a pinned package, from the running environment or from its wheel.

A wheel is input from outside: entries are read in memory within bounds and never extracted. Knows
nothing of what makes a file worth keeping.
"""

import hashlib
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath

from megacontext.configs.errors import TrainingError

from .settings import PackageSource

MAX_ENTRIES = 100_000
MAX_READ = 1 << 20
"""Bytes: what is longer is no source file, and is not read at all."""

File = tuple[str, bytes]
"""A path with forward slashes, relative to the import root, and the file's bytes."""


def package_files(package: PackageSource, cache: Path) -> Iterator[File]:
    """Yield the package's `.py` files in a fixed order.

    Raises:
        TrainingError: the pinned wheel cannot be had, or is no sound zip file.
    """
    installed = _installed(package)
    if installed is not None:
        return _from_environment(installed)
    return _from_wheel(_wheel(package, cache))


def library_files() -> Iterator[File]:
    """Yield the `.py` files of the running Python's standard library in a fixed order."""
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(root.rglob("*.py")):
        if path.is_file() and path.stat().st_size <= MAX_READ:
            yield path.relative_to(root).as_posix(), path.read_bytes()


def shuffled_by_folder(files: Iterator[File], seed: int) -> list[File]:
    """Order files so that any prefix is a fair sample of whole folders.

    Files that a cap leaves in still have their neighbours, which repository-level packing needs.
    """

    def key(file: File) -> tuple[bytes, str]:
        folder = PurePosixPath(file[0]).parent.as_posix()
        return hashlib.blake2b(f"{seed}:{folder}".encode(), digest_size=8).digest(), file[0]

    return sorted(files, key=key)


def _installed(package: PackageSource) -> metadata.Distribution | None:
    try:
        found = metadata.distribution(package.name)
    except metadata.PackageNotFoundError:
        return None
    # A local build label such as "+cpu" is the same source.
    return found if found.version.split("+")[0] == package.version else None


def _from_environment(distribution: metadata.Distribution) -> Iterator[File]:
    for entry in sorted(distribution.files or (), key=str):
        if entry.suffix == ".py" and ".." not in entry.parts:
            path = Path(str(entry.locate()))
            if path.is_file() and path.stat().st_size <= MAX_READ:
                yield entry.as_posix(), path.read_bytes()


def _wheel(package: PackageSource, cache: Path) -> Path:
    cache.mkdir(parents=True, exist_ok=True)
    stem = f"{package.name.lower().replace('-', '_').replace('.', '_')}-{package.version}-"
    found = sorted(path for path in cache.glob("*.whl") if path.name.lower().startswith(stem))
    if found:
        return found[0]
    pip_download(package, cache, "--only-binary=:all:")
    found = sorted(path for path in cache.glob("*.whl") if path.name.lower().startswith(stem))
    if not found:
        raise TrainingError(f"pip left no wheel of {package.name} {package.version} in {cache}")
    return found[0]


def pip_download(package: PackageSource, folder: Path, form: str) -> None:
    """Fetch one pinned package without what it depends on; `form` is pip's option for wheels or sources alone.

    Raises TrainingError with pip's reason.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", form]
    command += ["--dest", str(folder), f"{package.name}=={package.version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise TrainingError(f"{package.name} {package.version} cannot be downloaded: {why}")


def _from_wheel(wheel: Path) -> Iterator[File]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES:
                raise TrainingError(f"{wheel} has {len(entries)} entries; that is no wheel")
            for entry in sorted(entries, key=lambda e: e.filename):
                if _is_source(entry):
                    with archive.open(entry) as stream:
                        content = stream.read(MAX_READ + 1)
                    if len(content) <= MAX_READ:
                        yield entry.filename, content
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as exc:
        raise TrainingError(f"{wheel} is no sound wheel ({exc}); delete it and try again") from exc


def _is_source(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    inside = not path.is_absolute() and ".." not in path.parts and ".data" not in path.parts[0]
    return inside and path.suffix == ".py" and entry.file_size <= MAX_READ
