"""The archive that a pack is: a zip of known parts, read within bounds that the manifest sets.

An archive is input from outside. Nothing of it is ever unpacked to a path that it names; parts are told by names that
a pack may have, and none is read further than the manifest says, which is read first. Knows no table and no key.
"""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from megacontext.configs.errors import PackError, PackRefusedError

from .manifest import MEMBER, Manifest, Member, read_manifest

SUFFIX = ".mcpack"
MANIFEST, SIGNATURE = "manifest.json", "signature.json"
MAX_PARTS = 256
MAX_HEADING = 4_000_000
"""Bytes of a manifest or a signature."""
MAX_BYTES = 16_000_000_000
"""Of all parts, unpacked."""
MAX_RATIO = 200
"""A part that unpacks to more than so many times its size in the archive is a bomb; text and tables stay below 20."""
SMALL = 1_000_000
"""Bytes below which no ratio harms anybody."""
PIECE = 1 << 20
COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Of every entry, so that equal packs are equal files."""


class PackFile:
    """An open pack. Use `opened`."""

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        """Check everything that can be told without unpacking a part; raises PackRefusedError."""
        self.path = path
        self._archive = archive
        self._entries = _entries(archive)
        self.manifest_bytes = self._heading(MANIFEST)
        self.manifest: Manifest = read_manifest(self.manifest_bytes)
        self.signature_bytes = self._heading(SIGNATURE) if SIGNATURE in self._entries else None
        self._compare()

    def _heading(self, name: str) -> bytes:
        entry = self._entries.get(name)
        if entry is None:
            raise PackRefusedError(f"it has no {name}; it is cut short, or no pack")
        if entry.file_size > MAX_HEADING:
            raise PackRefusedError(f"its {name} would unpack to {entry.file_size:,} bytes")
        return b"".join(self._pieces(name, entry.file_size))

    def _compare(self) -> None:
        """Hold the archive's entries against what the manifest names."""
        members = self.manifest.members
        held = {name for name in self._entries if name not in (MANIFEST, SIGNATURE)}
        if lost := sorted(set(members) - held):
            raise PackRefusedError(f"it lacks {lost[0]}, which its manifest names; it is cut short")
        if more := sorted(held - set(members)):
            raise PackRefusedError(f"it holds {more[0]}, which its manifest does not name")
        if sum(member.size for member in members.values()) > MAX_BYTES:
            raise PackRefusedError(f"it would unpack to more than {MAX_BYTES:,} bytes")
        for name, member in members.items():
            entry = self._entries[name]
            if entry.file_size != member.size:
                raise PackRefusedError(
                    f"its {name} would unpack to {entry.file_size:,} bytes, and its manifest says {member.size:,}"
                )

    def read(self, name: str) -> bytes:
        """A whole part; raises PackRefusedError when it is not what the manifest says."""
        return b"".join(self._checked(name))

    def copy(self, name: str, to: Path) -> None:
        """Write a part to a file of our own; raises PackRefusedError as `read` does."""
        try:
            with to.open("wb") as file:
                file.writelines(self._checked(name))
        except OSError as exc:
            raise PackError(f"{to} cannot be written: {exc.strerror}") from exc

    def check(self) -> None:
        """Read every part to its end; raises PackRefusedError at the first that is damaged."""
        for name in self.manifest.members:
            for _ in self._checked(name):
                pass

    def _checked(self, name: str) -> Iterator[bytes]:
        member = self.manifest.members[name]
        state = blake2b(digest_size=32)
        for piece in self._pieces(name, member.size):
            state.update(piece)
            yield piece
        if state.hexdigest() != member.digest:
            raise PackRefusedError(f"its {name} is not what its manifest says; it was changed")

    def _pieces(self, name: str, size: int) -> Iterator[bytes]:
        read = 0
        try:
            with self._archive.open(self._entries[name]) as stream:
                while piece := stream.read(PIECE):
                    read += len(piece)
                    if read > size:
                        raise PackRefusedError(f"its {name} unpacks to more than {size:,} bytes")
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as exc:
            raise PackRefusedError(f"its {name} cannot be unpacked ({exc}); it is damaged") from exc
        if read != size:
            raise PackRefusedError(f"its {name} ends after {read:,} of {size:,} bytes")


@contextmanager
def opened(path: Path) -> Iterator[PackFile]:
    """Open a pack; raises PackError when there is no such file, PackRefusedError when it is no sound pack."""
    try:
        archive = zipfile.ZipFile(path)
    except OSError as exc:
        raise PackError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    except zipfile.BadZipFile as exc:
        raise PackRefusedError("it is no whole zip archive; get the pack again") from exc
    with archive:
        yield PackFile(path, archive)


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    found: dict[str, zipfile.ZipInfo] = {}
    listed = archive.infolist()
    if len(listed) > MAX_PARTS:
        raise PackRefusedError(
            f"it has {len(listed):,} parts, and no pack has more than {MAX_PARTS}"
        )
    for entry in listed:
        # As it stands in the archive: the library itself cuts names at a zero byte.
        name = entry.orig_filename
        if name not in (MANIFEST, SIGNATURE) and not MEMBER.fullmatch(name):
            raise PackRefusedError(f"it holds a part named {name[:80]!r}, which no pack has")
        if name in found:
            raise PackRefusedError(f"it holds {name} twice")
        if entry.flag_bits & 1 or entry.compress_type not in COMPRESSIONS:
            raise PackRefusedError(f"its {name} is encrypted or packed in a way that no pack uses")
        if entry.file_size > max(SMALL, MAX_RATIO * entry.compress_size):
            raise PackRefusedError(
                f"its {name} would unpack from {entry.compress_size:,} to {entry.file_size:,} bytes: a bomb"
            )
        found[name] = entry
    return found


def measured(path: Path) -> Member:
    """What a manifest says of a part that lies in a file."""
    state = blake2b(digest_size=32)
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            state.update(piece)
    return Member(size=path.stat().st_size, digest=state.hexdigest())


def write_pack(
    path: Path, manifest: Manifest, signature: bytes | None, parts: Mapping[str, Path]
) -> None:
    """Write a pack, whole or not at all; raises PackError when the file cannot be written."""
    part = path.with_name(f"{path.name}.part")
    headings = {MANIFEST: manifest.canonical(), SIGNATURE: signature}
    try:
        with zipfile.ZipFile(part, "w") as archive:
            for name, data in headings.items():
                if data is not None:
                    archive.writestr(_entry(name), data)
            for name in sorted(parts):
                with (
                    parts[name].open("rb") as source,
                    archive.open(_entry(name), "w", force_zip64=True) as to,
                ):
                    while piece := source.read(PIECE):
                        to.write(piece)
        part.replace(path)
    except OSError as exc:
        part.unlink(missing_ok=True)
        raise PackError(f"{path} cannot be written: {exc.strerror}") from exc


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    # Vectors do not shrink.
    is_vectors = name.endswith(".ctx") and not name.endswith("L0.ctx")
    entry.compress_type = zipfile.ZIP_STORED if is_vectors else zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry
