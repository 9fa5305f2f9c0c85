"""Whether a pack is whole and what it says it is: a file before it is added, or one that lies on this machine."""

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

from megacontext.configs.errors import MegaContextError, PackError
from megacontext.memory.packs import signing
from megacontext.memory.packs.container import MANIFEST, SIGNATURE
from megacontext.memory.packs.contents import text_root
from megacontext.memory.packs.pack_memory import PackMemory
from megacontext.memory.packs.store import Consent, PackStore, StoredPack
from megacontext.memory.packs.unpacking import Reader
from megacontext.memory.tree.store import TreeSpec

from ..opening import Workplace


def verify_file(workplace: Workplace, path: Path) -> tuple[str, list[str]]:
    """Take a pack's file in, for a trial, as `add` does; its name and what is wrong with it."""
    reader = Reader(workplace.spec(), workplace.tokenizer)
    with TemporaryDirectory(prefix="megacontext-verify-") as folder:
        store = PackStore(Path(folder).resolve())
        try:
            # Whether it is signed, and by whom, is for whoever adds it to say.
            stored = store.add(path, reader, Consent(unsigned=True))
        except PackError as exc:
            return path.name, [str(exc)]
        return verify_stored(workplace, stored)


def verify_stored(workplace: Workplace, stored: StoredPack) -> tuple[str, list[str]]:
    """Check a pack of this machine; its name and what is wrong with it."""
    errors: list[str] = []
    manifest = stored.manifest
    try:
        if stored.signed_by:
            signature = signing.read_signature((stored.places.state / SIGNATURE).read_bytes())
            signing.check(signature, (stored.places.state / MANIFEST).read_bytes())
        with PackMemory.of(
            stored.places,
            manifest,
            stored.signed_by,
            _spec_of(stored, workplace),
            workplace.tokenizer,
        ) as memory:
            errors += memory.verifier().run().errors
            texts = {file.path: memory.look(file.path) for file in memory.catalogue.files()}
            digests = [(path, getattr(text, "digest", b"")) for path, text in texts.items()]
            if text_root(digests).hex() != manifest.root:
                errors.append("its texts do not have the root that its manifest says")
    except (MegaContextError, OSError) as exc:
        errors.append(str(exc))
    return manifest.label, errors


def _spec_of(stored: StoredPack, workplace: Workplace) -> TreeSpec:
    """A tree that was unpacked: that of the model at hand, or else the first."""
    wanted = workplace.spec()
    with sqlite3.connect(f"{stored.places.catalogue.as_uri()}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT name, encoder, width, slots FROM trees ORDER BY name").fetchall()
    db.close()
    specs = [TreeSpec(name.rpartition("-")[0], *rest) for name, *rest in rows]
    return wanted if wanted in specs or not specs else specs[0]
