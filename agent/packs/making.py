"""Building packs for the model at hand, and taking them in. Knows no command line."""

from dataclasses import dataclass
from pathlib import Path

from megacontext.memory.ingest.report import OnProgress
from megacontext.memory.packs.building import Built, Model, build
from megacontext.memory.packs.signing import Signer
from megacontext.memory.packs.store import Consent, StoredPack
from megacontext.memory.packs.unpacking import Reader

from ..opening import Workplace
from .origins import Gathered, Named, gather


@dataclass(frozen=True, slots=True)
class Wish:
    """How a pack is to be made."""

    named: Named
    docs: bool = True
    """See `gather`."""


def gathered(workplace: Workplace, origin: str, wish: Wish) -> Gathered:
    """The files of an origin, under the name that they are to have; see `gather` for errors."""
    found = gather(origin, workplace.rules(), source_archive=wish.docs)
    return Gathered(wish.named.over(found.identity), found.files, found.notes)


def make_pack(
    workplace: Workplace,
    files: Gathered,
    out: Path,
    signer: Signer | None,
    *,
    gists: bool = False,
    on_progress: OnProgress | None = None,
) -> Built:
    """Write a pack with tokens, and perhaps gists, of the model at hand; raises PackError."""
    gister = None
    if gists:
        from megacontext.models.gist.loading import gister_for

        gister = gister_for(workplace.load_model(), workplace.folder)
    model = Model(workplace.spec(), workplace.tokenizer, gister)
    rules = workplace.rules()
    return build(
        files.files, files.identity, model, rules, out, signer=signer, on_progress=on_progress
    )


def take_in(
    workplace: Workplace,
    path: Path,
    consent: Consent | None = None,
    on_progress: OnProgress | None = None,
) -> StoredPack:
    """Take a pack's file in, once for this machine; see `PackStore.add` for errors."""
    reader = Reader(workplace.spec(), workplace.tokenizer)
    return workplace.pack_store.add(path, reader, consent, on_progress)
