"""Making a pack: texts are indexed as a repository's are, by the same rules, and what came of it is written down.

Equal texts, rules and model give equal packs, byte for byte, but for the gists of different machines. Knows no
package, no git and no network: where texts come from is the caller's affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from megacontext.configs.errors import PackError

from ..catalogue import LeftOut
from ..ingest.gisting import Gister
from ..ingest.ingest import Tokenizer
from ..ingest.reading import FileText
from ..ingest.report import OnProgress
from ..left_out import LeftOutRules
from ..memory import Memory
from ..places import Places
from ..tree.store import TreeSpec
from .container import measured, write_pack
from .contents import PackedFile, as_counts, chunked_of, text_root, write_contents
from .manifest import FORMAT, Counts, Manifest, TreePart
from .signing import Signature
from .tree_parts import write_tree


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that may go into a pack."""

    path: str
    data: bytes
    mtime_ns: int
    trust: float
    """See `PackedFile.trust`."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a pack is called and where it comes from; see `Manifest`."""

    name: str
    version: str
    origin: str
    licence: str


@dataclass(frozen=True, slots=True)
class Model:
    """Whose tokens and gists a pack holds."""

    spec: TreeSpec
    tokenizer: Tokenizer
    gister: Gister | None = None
    """None makes a pack without gists."""


class Signing(Protocol):
    """What signs manifests."""

    def sign(self, manifest: bytes) -> Signature:
        """Sign a manifest's canonical bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Built:
    """A pack that was written."""

    path: Path
    manifest: Manifest
    left_out: tuple[LeftOut, ...]


def build(
    files: Sequence[SourceFile],
    identity: Identity,
    model: Model,
    rules: LeftOutRules,
    out: Path,
    *,
    signer: Signing | None = None,
    on_progress: OnProgress | None = None,
) -> Built:
    """Write a pack of some files; raises PackError when nothing is left to pack, or it cannot be written."""
    with TemporaryDirectory(prefix="megacontext-pack-") as folder:
        places = Places(Path(folder).resolve(), "index")
        with Memory.open(places, model.spec, model.tokenizer, rules, write=True) as memory:
            memory.writer.overlays = {file.path: file.data for file in files}
            memory.writer.apply(memory.writer.overlays, on_progress)
            if model.gister is not None:
                memory.gisting(model.gister).run(on_progress)
            packed = _packed(memory, files)
            left_out = tuple(memory.catalogue.left_out())
            if not packed:
                why = f": {left_out[0].path} is left out, {left_out[0].reason}" if left_out else ""
                raise PackError(f"{identity.origin} has nothing to pack{why}")
            manifest, parts = _written(memory, packed, identity, Path(folder))
        signature = signer.sign(manifest.canonical()).as_bytes() if signer else None
        write_pack(out, manifest, signature, parts)
    return Built(out, manifest, left_out)


def _packed(memory: Memory, files: Sequence[SourceFile]) -> list[PackedFile]:
    by_path = {file.path: file for file in files}
    found = []
    for record in memory.catalogue.files():
        source = by_path[record.path]
        text = FileText(record.path, source.data, record.digest, source.mtime_ns)
        found.append(PackedFile(text, source.trust, chunked_of(memory.catalogue, record.path)))
    return sorted(found, key=lambda file: file.text.path)


def _written(
    memory: Memory, files: Sequence[PackedFile], identity: Identity, folder: Path
) -> tuple[Manifest, dict[str, Path]]:
    root = memory.root_key
    if root is None:
        raise PackError("the texts were not indexed to the end; build the pack again")
    digests = list(dict.fromkeys(chunk.digest for file in files for chunk in file.chunked.chunks))
    gists = memory.has_all_gists()
    parts = write_contents(files, folder)
    parts |= write_tree(memory.store, digests, root, folder, gists=gists)
    spec = memory.store.spec
    tree = TreePart(
        base=spec.base,
        encoder=spec.encoder,
        width=spec.width,
        slots=spec.slots,
        root=root.hex(),
        tokens=memory.tokens,
        gists=gists,
    )
    manifest = Manifest(
        format=FORMAT,
        name=identity.name,
        version=identity.version,
        origin=identity.origin,
        licence=identity.licence,
        root=text_root((file.text.path, file.text.digest) for file in files).hex(),
        counts=Counts(**as_counts(files)),
        trees=(tree,),
        members={name: measured(path) for name, path in parts.items()},
    )
    return manifest, parts
