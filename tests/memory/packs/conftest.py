"""Packs of a few small files, made with bytes for tokens; and what somebody with a zip program can do to them."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest

from megacontext.memory.left_out import LeftOutRules
from megacontext.memory.packs.building import Built, Identity, Model, SourceFile, build
from megacontext.memory.packs.container import MANIFEST, SIGNATURE
from megacontext.memory.packs.manifest import Manifest
from megacontext.memory.packs.signing import Signer
from megacontext.memory.packs.store import PackStore
from megacontext.memory.packs.unpacking import Reader
from megacontext.memory.tree.store import TreeSpec
from tests.memory.workbench import RULES, SPEC, ByteTokens, SumGister, module

MADE_NS = 1_600_000_000 * 10**9
FILES: dict[str, bytes] = {
    "demo/__init__.py": b"",
    "demo/core.py": module("core", 5).encode(),
    "demo/deep/er/leaf.py": module("leaf", 40).encode(),
    "docs/guide.md": b"# Guide\n\nHow to begin.\n\n## More\n\nAnd how to go on.\n",
    "LICENSE": b"Anybody may use this.\n",
}


class Tokens(ByteTokens):
    """A token a byte, and back."""

    def decode(self, ids: list[int]) -> str:
        return bytes(ids).decode("utf-8", "replace")


READER = Reader(SPEC, Tokens())


def make(
    path: Path,
    files: Mapping[str, bytes] = FILES,
    *,
    signer: Signer | None = None,
    gists: bool = False,
    spec: TreeSpec = SPEC,
    rules: LeftOutRules = RULES,
    **identity: str,
) -> Built:
    named = {"name": "demo", "version": "1.0", "origin": "dir:demo", "licence": "MIT"} | identity
    sources = [SourceFile(name, data, MADE_NS, 0.5) for name, data in files.items()]
    model = Model(spec, Tokens(), SumGister(spec) if gists else None)
    return build(sources, Identity(**named), model, rules, path, signer=signer)


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return PackStore(tmp_path / "store")


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer.load(tmp_path / "keys" / "one.key")


@pytest.fixture
def stranger(tmp_path: Path) -> Signer:
    return Signer.load(tmp_path / "keys" / "another.key")


Edit = Callable[[dict[str, bytes]], None]


def parts_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_parts(path: Path, parts: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


def edited(path: Path, edit: Edit, *, signer: Signer | None = None) -> Path:
    """The pack after somebody changed its parts; with `signer`, somebody who also made it look sound again."""
    parts = parts_of(path)
    edit(parts)
    if signer is not None:
        manifest = json.loads(parts[MANIFEST])
        manifest["members"] = {
            name: {"size": len(data), "digest": blake2b(data, digest_size=32).hexdigest()}
            for name, data in parts.items()
            if name not in (MANIFEST, SIGNATURE)
        }
        resealed(parts, manifest, signer)
    return write_parts(path.with_name("edited.mcpack"), parts)


def resealed(parts: dict[str, bytes], manifest: dict[str, Any], signer: Signer) -> None:
    parts[MANIFEST] = canonical(manifest)
    parts[SIGNATURE] = signer.sign(parts[MANIFEST]).as_bytes()


def canonical(manifest: Mapping[str, Any]) -> bytes:
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def manifest_of(path: Path) -> Manifest:
    with zipfile.ZipFile(path) as archive:
        return Manifest.model_validate(json.loads(archive.read(MANIFEST)))


def truncated(path: Path, left: float) -> Path:
    data = path.read_bytes()
    short = path.with_name("short.mcpack")
    short.write_bytes(data[: int(len(data) * left)])
    return short


def with_claimed_size(path: Path, name: str, size: int) -> Path:
    """The archive with another unpacked size in its directory."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive:
        start = archive.start_dir
    at = data.index(b"PK\x01\x02", start)
    while data[at + 46 : at + 46 + len(name)] != name.encode():
        at = data.index(b"PK\x01\x02", at + 4)
    data[at + 24 : at + 28] = size.to_bytes(4, "little")
    lying = path.with_name("lying.mcpack")
    lying.write_bytes(bytes(data))
    return lying
