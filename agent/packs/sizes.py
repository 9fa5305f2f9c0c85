"""How much room a pack takes, part by part, and per million tokens."""

from dataclasses import dataclass
from pathlib import Path

from megacontext.configs.errors import PackError
from megacontext.memory.packs.container import opened
from megacontext.memory.packs.manifest import Manifest
from megacontext.memory.packs.signing import read_signature
from megacontext.memory.packs.store import StoredPack


@dataclass(frozen=True, slots=True)
class Size:
    """One part."""

    part: str
    bytes: int
    tokens: int

    @property
    def per_million(self) -> int:
        """Bytes for each million tokens of the pack."""
        return int(self.bytes * 1_000_000 / self.tokens) if self.tokens else 0


def file_sizes(path: Path) -> tuple[Manifest, str, list[Size]]:
    """The manifest of a pack's file, the key that it says it is signed with, and the sizes of its parts, unpacked.

    Nothing is checked but the form; raises PackError.
    """
    try:
        with opened(path) as pack:
            manifest = pack.manifest
            signed_by = (
                read_signature(pack.signature_bytes).fingerprint if pack.signature_bytes else ""
            )
    except PackError as exc:
        raise PackError(f"{path}: {exc}") from exc
    parts = {
        name.rpartition("/")[2]: member.size for name, member in sorted(manifest.members.items())
    }
    sizes = [*parts.items(), ("the file", path.stat().st_size)]
    return manifest, signed_by, [Size(name, size, _tokens(manifest)) for name, size in sizes]


def stored_sizes(stored: StoredPack) -> list[Size]:
    """The sizes of a pack on this machine: facts with texts and full text, and each level of each tree."""
    places, tokens = stored.places, _tokens(stored.manifest)
    levels = sorted(
        places.trees.glob("*/L*.ctx"), key=lambda path: (path.parent.name, int(path.stem[1:]))
    )
    files = [("catalogue and texts", places.catalogue), *((path.stem, path) for path in levels)]
    return [Size(name, path.stat().st_size, tokens) for name, path in files]


def _tokens(manifest: Manifest) -> int:
    return manifest.trees[0].tokens if manifest.trees else 0
