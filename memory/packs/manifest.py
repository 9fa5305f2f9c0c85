"""What a pack says of itself: name, version, origin, licence, content, and the digest of each of its parts.

The manifest's own bytes are canonical JSON, so that a signature over them covers the whole pack, and their digest is
the pack's identity. Knows no archive and no key.
"""

import json
import re
from hashlib import blake2b
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from megacontext.configs.errors import PackRefusedError

from ..tree.store import TreeSpec

FORMAT: Final = 1
MEMBER = re.compile(
    r"tables/[a-z]+\.parquet|texts\.bin|trees/\w[\w.-]{0,59}/(?:L\d{1,2}\.ctx|[a-z]+\.parquet)"
)
"""Names that a part of a pack may have: nothing else is ever looked at."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.!+_-]{0,63}$")]
Line = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Hex = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{2}){8,64}$")]
Count = Annotated[int, Field(ge=0, le=1 << 40)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Member(_Part):
    """One file in the archive."""

    size: Count
    """Bytes, unpacked."""
    digest: Hex
    """blake2b-32 of them."""


class Counts(_Part):
    """How much there is."""

    files: Count
    chunks: Count
    symbols: Count
    bytes: Count
    """Of all texts."""


class TreePart(_Part):
    """The tokens of one base model, and perhaps the gists of one encoder."""

    base: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    encoder: Hex
    width: Annotated[int, Field(ge=1, le=1 << 16)]
    slots: Annotated[int, Field(ge=1, le=8)]
    root: Hex
    """Merkle root of the whole tree."""
    tokens: Count
    gists: bool
    """Whether every chunk, file and folder has its gist."""

    @property
    def spec(self) -> TreeSpec:
        """What it belongs to."""
        return TreeSpec(self.base, self.encoder, self.width, self.slots)


class Manifest(_Part):
    """Everything that is known of a pack without opening one of its parts."""

    format: Literal[1]
    name: Name
    version: Version
    origin: Line
    """Where its texts come from, as it was given: pypi:textual==8.2.8."""
    licence: Line
    """An SPDX expression, or NOASSERTION."""
    root: Hex
    """Merkle root of paths and texts, which depends on no model."""
    counts: Counts
    trees: tuple[TreePart, ...]
    members: dict[str, Member]

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, data: object) -> object:
        # Strict types take no list for a tuple, and JSON knows lists alone.
        if isinstance(data, dict) and isinstance(data.get("trees"), list):
            return data | {"trees": tuple(data["trees"])}
        return data

    @property
    def label(self) -> str:
        """What a pack is called wherever one of its places is shown; paths stand below it."""
        return f"{self.name}@{self.version}"

    @property
    def id(self) -> str:
        """The pack's identity: another one for another text, licence, name or gist."""
        return blake2b(self.canonical(), digest_size=16).hexdigest()

    def canonical(self) -> bytes:
        """The one way to write this manifest."""
        data = self.model_dump(mode="json")
        return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()

    def tree_of(self, spec: TreeSpec) -> TreePart | None:
        """The part made for a model and an encoder; None when there is none."""
        return next((tree for tree in self.trees if tree.spec.encoder == spec.encoder), None)


def read_manifest(data: bytes) -> Manifest:
    """A manifest from its bytes; raises PackRefusedError for what is none, or of another format."""
    try:
        said = json.loads(data)
        found = said.get("format")
    except (ValueError, AttributeError, RecursionError) as exc:
        raise PackRefusedError("its manifest is no JSON object; get the pack again") from exc
    if found != FORMAT:
        raise PackRefusedError(
            f"it has format {str(found)[:20]}, and this MegaContext reads format {FORMAT}; "
            "upgrade MegaContext, or build the pack again"
        )
    try:
        manifest = Manifest.model_validate(said)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise PackRefusedError(f"its manifest is wrong at {place}: {first['msg']}") from exc
    if manifest.canonical() != data:
        raise PackRefusedError(
            "its manifest is not written in the one canonical way, so a signature says nothing of it"
        )
    if unknown := [name for name in manifest.members if not MEMBER.fullmatch(name)]:
        raise PackRefusedError(f"it names a part {unknown[0][:80]!r}, which no pack has")
    return manifest
