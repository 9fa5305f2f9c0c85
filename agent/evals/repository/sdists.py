"""Source distributions of pinned packages: fetched by pip, read within bounds.

An archive is input from outside: what is no plain file inside of its one folder is passed over. Knows no repository.
"""

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from megacontext.configs.errors import TrainingError
from megacontext.models.training.corpus.settings import PackageSource
from megacontext.models.training.corpus.sources import MAX_ENTRIES, MAX_READ, File, pip_download


def sdist(package: PackageSource, cache: Path) -> Path:
    """The package's archive in the folder `cache`, fetched once.

    Raises TrainingError when it cannot be had.
    """
    if found := _cached(package, cache):
        return found
    cache.mkdir(parents=True, exist_ok=True)
    pip_download(package, cache, "--no-binary=:all:")
    found = _cached(package, cache)
    if found is None:
        raise TrainingError(f"pip left no source of {package.name} {package.version} in {cache}")
    return found


def digest_of(archive: Path) -> str:
    """SHA-256 of an archive, as package indexes tell it."""
    return hashlib.sha256(archive.read_bytes()).hexdigest()


def source_files(archive: Path) -> Iterator[File]:
    """Every plain file of an archive, without the folder around all of them, in a fixed order.

    Raises TrainingError for what is no sound archive.
    """
    try:
        with tarfile.open(archive) as opened:
            members = opened.getmembers()
            if len(members) > MAX_ENTRIES:
                raise TrainingError(f"{archive} has {len(members)} entries; that is no package")
            for member in sorted(members, key=lambda each: each.name):
                path = PurePosixPath(member.name)
                inside = not path.is_absolute() and ".." not in path.parts and len(path.parts) > 1
                if not (inside and member.isreg() and member.size <= MAX_READ):
                    continue
                stream = opened.extractfile(member)
                if stream is not None:
                    yield PurePosixPath(*path.parts[1:]).as_posix(), stream.read()
    except (tarfile.TarError, EOFError, OSError) as exc:
        raise TrainingError(
            f"{archive} is no sound archive ({exc}); delete it and try again"
        ) from exc


def _cached(package: PackageSource, cache: Path) -> Path | None:
    def plain(name: str) -> str:
        return name.lower().replace("-", "_").replace(".", "_")

    wanted = plain(f"{package.name}-{package.version}.tar.gz")
    found = (path for path in sorted(cache.glob("*.tar.gz")) if plain(path.name) == wanted)
    return next(found, None)
