"""The packs of this machine: each unpacked once, under its identity, for every repository that mounts it.

What is added is judged here: by its own soundness, by its signature, and by the key that packs of its name were signed
with before. Knows no repository.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from megacontext.configs.errors import PackError, PackRefusedError, StoreError

from ..ingest.report import OnProgress
from ..places import Places
from . import signing
from .container import MANIFEST, SIGNATURE, PackFile, opened
from .manifest import Manifest, read_manifest
from .pack_memory import PackMemory
from .signing import Signature, read_signature
from .unpacking import Reader, unpack

KEYS = "keys.json"
ID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class StoredPack:
    """A pack that was unpacked on this machine."""

    places: Places
    manifest: Manifest
    signed_by: str
    """Fingerprint of the key; "" for an unsigned pack."""

    def open(self, reader: Reader) -> PackMemory:
        """Open it for reading; see `Memory.open` for errors."""
        return PackMemory.of(
            self.places, self.manifest, self.signed_by, reader.spec, reader.tokenizer
        )


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody has said beforehand to a pack's maker."""

    unsigned: bool = False
    """Take a pack that nobody has signed."""
    key: str = ""
    """Fingerprint of a key to take from now on in place of the one that was pinned."""


class PackStore:
    """The folder of all packs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # Reading

    def packs(self) -> list[StoredPack]:
        """Every pack, by name and version; what cannot be read is no pack."""
        folders = self.folder.iterdir() if self.folder.is_dir() else ()
        read = (self._read(path.name) for path in folders if len(path.name) == ID_LENGTH)
        found = [pack for pack in read if pack is not None]
        return sorted(found, key=lambda pack: (pack.manifest.name, pack.manifest.version))

    def get(self, pack_id: str) -> StoredPack | None:
        """A pack by its identity; None when it is not there."""
        sound = len(pack_id) == ID_LENGTH and pack_id.isalnum()
        return self._read(pack_id) if sound else None

    def _read(self, pack_id: str) -> StoredPack | None:
        places = Places(self.folder, pack_id)
        try:
            manifest = read_manifest((places.state / MANIFEST).read_bytes())
            data = _bytes_of(places.state / SIGNATURE)
            signed_by = read_signature(data).fingerprint if data else ""
        except (OSError, PackRefusedError):
            return None
        return StoredPack(places, manifest, signed_by)

    def named(self, wanted: str) -> StoredPack:
        """The pack that NAME, NAME@VERSION or the start of an identity means; raises PackError unless it is one."""
        found = [pack for pack in self.packs() if _is_meant(pack.manifest, wanted)]
        if len(found) == 1:
            return found[0]
        if found:
            several = ", ".join(f"{p.manifest.label} ({p.manifest.id[:8]})" for p in found)
            raise PackError(f"{wanted} may be {several}; give the version, or the identity")
        raise PackError(f"there is no pack {wanted} on this machine; add its file, or build it")

    # Adding

    def add(
        self,
        path: Path,
        reader: Reader,
        consent: Consent | None = None,
        on_progress: OnProgress | None = None,
    ) -> StoredPack:
        """Take in a pack's file, or find that it is here already.

        Raises PackError when there is no such file, PackRefusedError, with the reason, for a pack that is not taken.
        """
        try:
            with opened(path) as pack, self._locked():
                return self._add(pack, reader, consent or Consent(), on_progress)
        except PackRefusedError as exc:
            raise PackRefusedError(f"{path} is refused: {exc}") from exc

    def _add(
        self, pack: PackFile, reader: Reader, consent: Consent, on_progress: OnProgress | None
    ) -> StoredPack:
        signature = self._judged(pack, consent)
        manifest = pack.manifest
        if (known := self.get(manifest.id)) is None or known.signed_by != _name_of(signature):
            # Before anything of it is read: a damaged part is told as such, whatever it would break.
            pack.check()
            part = Places(self.folder, f".{manifest.id}-{os.getpid()}")
            shutil.rmtree(part.state, ignore_errors=True)
            try:
                if known is None:
                    unpack(pack, part, reader, on_progress)
                    self._settle(pack, part.state, Places(self.folder, manifest.id).state)
                else:
                    _keep_headings(pack, known.places.state)
            finally:
                shutil.rmtree(part.state, ignore_errors=True)
            known = self.get(manifest.id)
        if known is None:
            raise StoreError(f"{self.folder} lost a pack while it was added; add it again")
        if signature is not None:
            self._pin(manifest.name, signature.fingerprint)
        return known

    def _settle(self, pack: PackFile, part: Path, to: Path) -> None:
        try:
            _keep_headings(pack, part)
            shutil.rmtree(to, ignore_errors=True)  # what is left of one that cannot be read
            part.replace(to)
        except OSError as exc:
            raise StoreError(
                f"cannot write {to}: {exc.strerror}; make the folder writable"
            ) from exc

    def _judged(self, pack: PackFile, consent: Consent) -> Signature | None:
        """The signature of a pack that may be taken; None for an unsigned one that may be."""
        name = pack.manifest.name
        pinned = self.pins().get(name)
        if pack.signature_bytes is None:
            if pinned is not None:
                raise PackRefusedError(
                    f"it is unsigned, and packs named {name} were signed with key {pinned[:12]} before: the signature "
                    "was taken away, or somebody else made it"
                )
            if not consent.unsigned:
                raise PackRefusedError(
                    "nobody has signed it; if you know where it comes from, add it with --trust"
                )
            return None
        signature = read_signature(pack.signature_bytes)
        signing.check(signature, pack.manifest_bytes)
        if pinned not in (None, signature.fingerprint) and consent.key != signature.fingerprint:
            raise PackRefusedError(
                f"it is signed with key {signature.fingerprint}, and packs named {name} were signed with {pinned} "
                "before; if its maker says that the key has changed, add it with --key and the new one"
            )
        return signature

    def remove(self, pack: StoredPack) -> None:
        """Delete a pack from this machine; raises StoreError when it cannot be."""
        with self._locked():
            try:
                shutil.rmtree(pack.places.state)
            except OSError as exc:
                raise StoreError(f"{pack.places.state} cannot be deleted: {exc.strerror}") from exc

    # Keys

    def pins(self) -> dict[str, str]:
        """The key that packs of a name were first signed with, by name; raises StoreError when it cannot be told."""
        path = self.folder / KEYS
        try:
            found = json.loads(_bytes_of(path) or b"{}")
            return {str(name): str(key) for name, key in found.items()}
        except (OSError, ValueError, AttributeError) as exc:
            raise StoreError(
                f"{path} cannot be read as a list of keys; mend it, or delete it to trust new ones"
            ) from exc

    def _pin(self, name: str, key: str) -> None:
        pins = self.pins()
        if pins.get(name) != key:
            text = json.dumps(pins | {name: key}, indent=1, sort_keys=True)
            part = self.folder / f"{KEYS}.part"
            part.write_text(text, encoding="utf-8")
            part.replace(self.folder / KEYS)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock")
            lock.acquire()
        except OSError as exc:
            raise StoreError(
                f"cannot write {self.folder}: {exc.strerror}; make the folder writable, or set packs.store"
            ) from exc
        try:
            yield
        finally:
            lock.release()


def _keep_headings(pack: PackFile, folder: Path) -> None:
    if pack.signature_bytes is not None:
        (folder / SIGNATURE).write_bytes(pack.signature_bytes)
    (folder / MANIFEST).write_bytes(pack.manifest_bytes)


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _name_of(signature: Signature | None) -> str:
    return signature.fingerprint if signature else ""


def _is_meant(manifest: Manifest, wanted: str) -> bool:
    return wanted in (manifest.name, manifest.label) or (
        len(wanted) >= 8 and manifest.id.startswith(wanted)
    )
