"""Python packages as the origin of a pack: installed ones, pinned ones of the package index, the standard library.

Archives are input from outside: they are read in memory within bounds and never extracted. Of a wheel everything is
taken; its source archive adds what a wheel lacks: documentation, changelog, examples.
"""

import base64
import calendar
import hashlib
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from email.parser import BytesParser
from importlib import metadata
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from megacontext.configs.errors import PackError
from megacontext.memory.packs.building import Identity, SourceFile

from .from_folder import sound_name
from .licences import spdx_of
from .origins import ALTERED, ATTESTED, PINNED, Gathered

PINNED_NAME = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9][A-Za-z0-9.!+_-]*)"
)
MAX_ENTRIES = 100_000
MAX_READ = 4 << 20
"""Bytes of one file; what is longer is no text that somebody reads."""
MAX_TOTAL = 1_000_000_000
NOT_KNOWLEDGE = frozenset(
    {"RECORD", "WHEEL", "INSTALLER", "REQUESTED", "top_level.txt", "direct_url.json"}
)
"""Files that installers write for each other."""
DOCUMENTATION = re.compile(
    r"(?:docs?|documentation|examples?)/.+|[^/]*(?:readme|change|history|news|release|contributing|licen[cs]e|"
    r"migrat|upgrad)[^/]*|[^/]+\.(?:md|rst)",
    re.IGNORECASE,
)
"""What is taken from a source archive, inside of the one folder around all."""
NO_LIBRARY = frozenset(
    {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idle_test"}
)
"""Folders of an installation that are not the library, or its own tests."""


def from_installed(name: str) -> Gathered:
    """A package of the running environment; raises PackError when there is none of that name."""
    try:
        found = metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError) as exc:
        raise PackError(f"no package named {name!r} is installed beside MegaContext") from exc
    files = list(_installed_files(found))
    said = _identity(found.metadata, f"installed:{found.name}=={found.version}")  # type: ignore[arg-type]
    # A local build label such as "+cpu" is the same source.
    return Gathered(replace(said, version=said.version.partition("+")[0]), files)


def _installed_files(found: metadata.Distribution) -> Iterator[SourceFile]:
    for entry in found.files or ():
        if ".." in entry.parts or entry.name in NOT_KNOWLEDGE or "__pycache__" in entry.parts:
            continue
        path = Path(str(entry.locate()))
        if not path.is_file() or path.is_symlink() or path.stat().st_size > MAX_READ:
            continue
        data = path.read_bytes()
        trust = PINNED
        if entry.hash is not None and entry.hash.mode == "sha256":
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            trust = ATTESTED if digest == entry.hash.value else ALTERED
        yield SourceFile(entry.as_posix(), data, path.stat().st_mtime_ns, trust)


def from_stdlib() -> Gathered:
    """The standard library of the running Python, without its tests."""
    root = Path(sysconfig.get_paths()["stdlib"])
    files = []
    for path in sorted(root.rglob("*")):
        inner = path.relative_to(root)
        is_text = (
            path.suffix in (".py", ".txt", ".rst") and path.is_file() and not path.is_symlink()
        )
        if is_text and NO_LIBRARY.isdisjoint(inner.parts) and path.stat().st_size <= MAX_READ:
            made = path.stat().st_mtime_ns
            files.append(SourceFile(inner.as_posix(), path.read_bytes(), made, PINNED))
    version = ".".join(map(str, sys.version_info[:3]))
    return Gathered(Identity("python-stdlib", version, f"stdlib:{version}", "PSF-2.0"), files)


def from_pypi(pinned: str, *, docs: bool) -> Gathered:
    """A pinned package of the package index: its wheel and, with `docs`, what its source archive adds.

    Raises PackError when pip cannot fetch it.
    """
    found = PINNED_NAME.fullmatch(pinned)
    if found is None:
        raise PackError(f"pypi:{pinned} names no version; write pypi:NAME==VERSION")
    notes: list[str] = []
    with TemporaryDirectory(prefix="megacontext-pypi-") as temporary:
        folder = Path(temporary)
        wheel = _fetched(pinned, folder, "--only-binary=:all:")
        files = list(_wheel_files(wheel))
        if docs:
            try:
                files += _documentation(_fetched(pinned, folder, "--no-binary=:all:"), files)
            except PackError as exc:
                notes.append(f"no documentation beyond the wheel's: {exc}")
    said = _metadata_of(files)
    return Gathered(_identity(said, f"pypi:{pinned}"), files, tuple(notes))


def _fetched(pinned: str, folder: Path, form: str) -> Path:
    before = set(folder.iterdir())
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", form]
    done = subprocess.run(
        [*command, "--dest", str(folder), pinned], capture_output=True, text=True, check=False
    )
    new = sorted(set(folder.iterdir()) - before)
    if done.returncode or not new:
        lines = [line for line in done.stderr.strip().splitlines() if line.startswith("ERROR")]
        raise PackError(
            f"pip cannot fetch {pinned} ({form[2:]}): {(lines or ['no reason given'])[0]}"
        )
    return new[0]


def _wheel_files(wheel: Path) -> Iterator[SourceFile]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            entries = archive.infolist()
            _bounded(
                wheel,
                len(entries),
                sum(entry.file_size for entry in entries if entry.file_size <= MAX_READ),
            )
            for entry in entries:
                path = PurePosixPath(entry.filename)
                if entry.is_dir() or not _is_inside(path) or path.name in NOT_KNOWLEDGE:
                    continue
                if entry.file_size <= MAX_READ:
                    with archive.open(entry) as stream:
                        yield SourceFile(
                            path.as_posix(), stream.read(MAX_READ), _zip_time(entry), PINNED
                        )
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as exc:
        raise PackError(f"{wheel.name} is no sound wheel: {exc}") from exc


def _documentation(archive: Path, known: list[SourceFile]) -> list[SourceFile]:
    """What a source archive holds beside what is known, of DOCUMENTATION."""
    texts = {file.data for file in known}
    paths = {file.path for file in known}
    found: list[SourceFile] = []
    try:
        with tarfile.open(archive) as tar:
            for number, member in enumerate(tar):
                _bounded(archive, number, sum(len(file.data) for file in found))
                path = PurePosixPath(member.name)
                inner = PurePosixPath(*path.parts[1:])
                wanted = (
                    member.isreg()
                    and _is_inside(path)
                    and DOCUMENTATION.fullmatch(inner.as_posix())
                )
                if not wanted or member.size > MAX_READ or inner.as_posix() in paths:
                    continue
                stream = tar.extractfile(member)
                if stream is not None and (data := stream.read(MAX_READ)) not in texts:
                    found.append(
                        SourceFile(inner.as_posix(), data, int(member.mtime) * 10**9, PINNED)
                    )
    except (tarfile.TarError, EOFError, OSError) as exc:
        raise PackError(f"{archive.name} is no sound archive: {exc}") from exc
    return found


def _bounded(archive: Path, entries: int, size: int) -> None:
    if entries > MAX_ENTRIES or size > MAX_TOTAL:
        raise PackError(f"{archive.name} unpacks to more than any package holds")


def _is_inside(path: PurePosixPath) -> bool:
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts


def _zip_time(entry: zipfile.ZipInfo) -> int:
    return calendar.timegm((*entry.date_time, 0, 0, 0)) * 10**9


def _metadata_of(files: list[SourceFile]) -> Message:
    for file in files:
        if re.fullmatch(r"[^/]+\.dist-info/METADATA", file.path):
            return BytesParser().parsebytes(file.data, headersonly=True)
    raise PackError("the wheel has no METADATA; that is no package")


def _identity(said: Message, origin: str) -> Identity:
    return Identity(
        sound_name(said.get("Name") or "package"), said.get("Version") or "0", origin, spdx_of(said)
    )
