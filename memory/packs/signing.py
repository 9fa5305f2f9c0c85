"""Who made a pack: Ed25519 signatures over its manifest, and one's own key. Knows no archive and no pin.

A signature covers the canonical bytes of the manifest, which holds the digest of every other part.
"""

import json
import os
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from megacontext.configs.errors import PackError, PackRefusedError

if TYPE_CHECKING:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

ALGORITHM = "ed25519"
PURPOSE = b"megacontext pack manifest\0"
"""Signed with the manifest, so that a signature made for something else is none here."""
SMALL_ORDER = frozenset(
    {
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    }
)
"""Points of the curve of order 8 or less, without their sign: as keys they fit signatures that anybody can write."""
NEEDS = "signatures need the `cryptography` package; run: pip install 'megacontext[packs]'"


@dataclass(frozen=True, slots=True)
class Signature:
    """A manifest's signature and the public key that it was made with."""

    key: bytes
    signature: bytes

    @property
    def fingerprint(self) -> str:
        """What people compare."""
        return fingerprint(self.key)

    def as_bytes(self) -> bytes:
        """As it stands in a pack."""
        said = {"algorithm": ALGORITHM, "key": self.key.hex(), "signature": self.signature.hex()}
        return json.dumps(said, sort_keys=True).encode()


def fingerprint(key: bytes) -> str:
    """The name of a public key: 32 hexadecimal digits."""
    return blake2b(key, digest_size=16).hexdigest()


def read_signature(data: bytes) -> Signature:
    """A signature from its bytes; raises PackRefusedError for what is none."""
    try:
        said = json.loads(data)
        if said["algorithm"] != ALGORITHM:
            raise PackRefusedError(
                f"it is signed with {str(said['algorithm'])[:20]!r}, and packs are signed with {ALGORITHM} alone"
            )
        found = Signature(bytes.fromhex(said["key"]), bytes.fromhex(said["signature"]))
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise PackRefusedError("its signature cannot be read; get the pack again") from exc
    if (len(found.key), len(found.signature)) != (32, 64):
        raise PackRefusedError("its signature has another length than any has")
    return found


def check(signature: Signature, manifest: bytes) -> None:
    """Raise PackRefusedError unless the signature is one of these very bytes."""
    unsigned = signature.key[:31] + bytes([signature.key[31] & 0x7F])
    if unsigned.hex() in SMALL_ORDER:
        raise PackRefusedError("it is signed with a key that anybody can sign with")
    from_key, invalid, _ = _cryptography()
    try:
        from_key.from_public_bytes(signature.key).verify(signature.signature, PURPOSE + manifest)
    except (invalid, ValueError) as exc:
        raise PackRefusedError(
            "its signature does not fit its manifest: one of them was changed after it was signed"
        ) from exc


class Signer:
    """A private key."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        self._key = key
        self.public = key.public_key().public_bytes_raw()

    @property
    def fingerprint(self) -> str:
        """What people compare."""
        return fingerprint(self.public)

    def sign(self, manifest: bytes) -> Signature:
        """Sign a manifest's canonical bytes."""
        return Signature(self.public, self._key.sign(PURPOSE + manifest))

    @classmethod
    def load(cls, path: Path) -> "Signer":
        """The key in a file, 32 bytes in hexadecimal; a new one where there is no file. Raises PackError."""
        *_, private = _cryptography()
        try:
            try:
                text = path.read_text(encoding="ascii")
            except FileNotFoundError:
                text = _new_key(path)
            return cls(private.from_private_bytes(bytes.fromhex(text.strip())))
        except OSError as exc:
            raise PackError(
                f"the signing key {path} cannot be read or made: {exc.strerror}"
            ) from exc
        except ValueError as exc:
            raise PackError(
                f"{path} holds no signing key; give another file, or delete it"
            ) from exc


def key_file() -> Path:
    """Where one's own signing key lies."""
    return platformdirs.user_config_path("megacontext") / "pack-signing.key"


def own_fingerprint() -> str | None:
    """The name of one's own key; None before there is one."""
    path = key_file()
    return Signer.load(path).fingerprint if path.is_file() else None


def _new_key(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = os.urandom(32).hex() + "\n"
    # Nobody else may read it, from its first moment on; and of two that are made at once, one is kept.
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        file.write(text)
    return text


def _cryptography() -> (
    "tuple[type[Ed25519PublicKey], type[InvalidSignature], type[Ed25519PrivateKey]]"
):
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (
            Ed25519PrivateKey,
            Ed25519PublicKey,
        )
    except ImportError as exc:
        raise PackError(NEEDS) from exc
    return Ed25519PublicKey, InvalidSignature, Ed25519PrivateKey
