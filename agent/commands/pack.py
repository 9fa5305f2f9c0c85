"""`megacontext pack`: build, add, list, inspect, verify and remove knowledge packs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from megacontext.configs.errors import PackError

from ..console import human_bytes, note, print_json, progress_bar, say
from . import pack_build, pack_suggest
from .options import Json, Model, Repo, overrides

if TYPE_CHECKING:
    from megacontext.memory.packs.manifest import Manifest
    from megacontext.memory.packs.store import StoredPack

    from ..opening import Workplace

app = typer.Typer(
    help="Knowledge packs: frameworks and domains to have beside a repository.",
    no_args_is_help=True,
)
app.command("build")(pack_build.build)
app.command("suggest")(pack_suggest.suggest)
app.command("update")(pack_suggest.update)

Wanted = Annotated[
    str, typer.Argument(metavar="PACK", help="NAME, NAME@VERSION, or the start of an id.")
]


@app.command()
def add(
    pack: Annotated[
        str,
        typer.Argument(
            metavar="PACK", help="A .mcpack file, or a pack of this machine by its name."
        ),
    ],
    trust: Annotated[
        bool, typer.Option("--trust", help="Take a pack that nobody has signed.")
    ] = False,
    key: Annotated[
        str,
        typer.Option(
            "--key", metavar="FINGERPRINT", help="Take this new key in place of the one known."
        ),
    ] = "",
    older: Annotated[
        bool, typer.Option("--older", help="Mount it even in place of a newer version.")
    ] = False,
    share: Annotated[
        float | None,
        typer.Option(
            "--share", metavar="SHARE", min=0, max=0.9, help="Of a budget that it may take at most."
        ),
    ] = None,
    repo: Repo = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Take a pack in, once for this machine, and mount it beside the repository."""
    from megacontext.memory.packs.mounts import Mount, mount, mounts_of
    from megacontext.memory.packs.store import Consent

    from ..opening import Workplace
    from ..packs.versions import refuse_older

    workplace = Workplace.at(repo, overrides(model__name=model))
    stored = _taken_in(workplace, pack, Consent(trust, key), quiet=as_json)
    made = Mount.of(stored.manifest, share)
    if not older:
        refuse_older(made, mounts_of(workplace.places))
    before = mount(workplace.places, made)
    if as_json:
        print_json(_facts(stored) | {"replaced": before.label if before else None})
        return
    whose = f"signed with key {stored.signed_by}" if stored.signed_by else "unsigned"
    say(f"{made.label} is mounted beside {workplace.places.root} ({whose})")
    if before is not None and before.label != made.label:
        say(f"it takes the place of {before.label}")


def _taken_in(workplace: "Workplace", pack: str, consent: Any, *, quiet: bool) -> "StoredPack":
    """A pack of the store: of a file, or one that is there already."""
    from megacontext.memory.packs.container import SUFFIX

    from ..packs.making import take_in

    path = Path(pack).expanduser()
    if not pack.endswith(SUFFIX) and not path.is_file():
        return workplace.pack_store.named(pack)
    with progress_bar(not quiet) as bar:
        return take_in(workplace, path, consent, bar)


@app.command()
def remove(
    pack: Wanted,
    machine: Annotated[
        bool,
        typer.Option("--machine", help="Delete it from this machine, too, for every repository."),
    ] = False,
    repo: Repo = None,
) -> None:
    """Take a pack from beside the repository."""
    from megacontext.memory.packs.mounts import mounts_of, unmount

    from ..opening import Workplace

    workplace = Workplace.at(repo)
    mounted = any(pack in (each.name, each.label) for each in mounts_of(workplace.places))
    if mounted or not machine:
        say(
            f"{unmount(workplace.places, pack).label} is no longer mounted beside {workplace.places.root}"
        )
    if machine:
        stored = workplace.pack_store.named(pack)
        workplace.pack_store.remove(stored)
        say(f"{stored.manifest.label} is deleted from this machine")


@app.command("list")
def list_packs(repo: Repo = None, as_json: Json = False) -> None:
    """List the packs of this machine, and which are mounted here."""
    from megacontext.memory.packs.mounts import mounts_of

    from ..opening import Workplace

    workplace = Workplace.at(repo)
    mounts = {each.id: each for each in mounts_of(workplace.places)}
    stored = workplace.pack_store.packs()
    lost = [each for each in mounts.values() if workplace.pack_store.get(each.id) is None]
    if as_json:
        here = [_facts(each) | {"mounted": each.manifest.id in mounts} for each in stored]
        print_json({"packs": here, "lost": [each.label for each in lost]})
        return
    for each in stored:
        manifest = each.manifest
        mark = "*" if manifest.id in mounts else " "
        say(
            f"{mark} {manifest.label:<32} {_tokens(manifest):>10} tokens  {manifest.licence:<16} {manifest.origin}"
        )
    for mount in lost:
        note(f"{mount.label} is mounted here, but it is not on this machine; add its file again")
    if not stored:
        say(
            "there are no packs on this machine; `megacontext pack build` makes one, `pack add` takes one in"
        )
    elif mounts:
        say("* is mounted beside this repository")


@app.command()
def info(
    pack: Annotated[
        str, typer.Argument(metavar="PACK", help="A .mcpack file, or a pack of this machine.")
    ],
    repo: Repo = None,
    as_json: Json = False,
) -> None:
    """Show what a pack says of itself, and its sizes per million tokens; nothing of a file is taken in."""
    from ..packs.sizes import file_sizes, stored_sizes

    stored = None if Path(pack).is_file() else _stored(repo, pack)
    if stored is None:
        manifest, signed_by, sizes = file_sizes(Path(pack))
    else:
        manifest, signed_by, sizes = stored.manifest, stored.signed_by, stored_sizes(stored)
    if as_json:
        levels = [
            {"part": size.part, "bytes": size.bytes, "per_million_tokens": size.per_million}
            for size in sizes
        ]
        print_json(
            manifest.model_dump(mode="json")
            | {"id": manifest.id, "signed_by": signed_by, "sizes": levels}
        )
        return
    say(f"{manifest.label}  {manifest.id}")
    say(f"from {manifest.origin}, licence {manifest.licence}")
    say(f"signed with key {signed_by}" if signed_by else "unsigned")
    counts = manifest.counts
    say(
        f"{counts.files:,} files ({human_bytes(counts.bytes)}), {counts.chunks:,} chunks, "
        f"{counts.symbols:,} definitions, root {manifest.root}"
    )
    for tree in manifest.trees:
        what = "tokens and gists" if tree.gists else "tokens"
        say(
            f"{what} of {tree.base} (encoder {tree.encoder[:12]}): {tree.tokens:,} tokens, root {tree.root}"
        )
    for size in sizes:
        say(
            f"  {size.part:<18} {human_bytes(size.bytes):>9}  {human_bytes(size.per_million):>9} per million tokens"
        )


@app.command()
def verify(
    pack: Annotated[
        str, typer.Argument(metavar="PACK", help="A .mcpack file, or a pack of this machine.")
    ],
    repo: Repo = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Check a pack: signature, digests, texts, rows and keys up to the root; exit 1 when something is wrong."""
    from ..opening import Workplace
    from ..packs.verifying import verify_file, verify_stored

    workplace = Workplace.at(repo, overrides(model__name=model))
    path = Path(pack)
    if path.is_file():
        label, errors = verify_file(workplace, path)
    else:
        stored = workplace.pack_store.named(pack)
        label, errors = verify_stored(workplace, stored)
    if as_json:
        print_json({"pack": label, "ok": not errors, "errors": errors})
    else:
        for error in errors[:20]:
            say(error)
        say(
            f"{label}: {'whole, and what it says it is' if not errors else f'{len(errors):,} faults'}"
        )
    if errors:
        raise typer.Exit(1)


def _stored(repo: Path | None, pack: str) -> "StoredPack":
    from ..opening import Workplace

    if pack.endswith(".mcpack"):
        raise PackError(f"there is no file {pack}")
    return Workplace.at(repo).pack_store.named(pack)


def _facts(stored: "StoredPack") -> dict[str, Any]:
    manifest = stored.manifest
    return {
        "id": manifest.id,
        "name": manifest.name,
        "version": manifest.version,
        "origin": manifest.origin,
        "licence": manifest.licence,
        "root": manifest.root,
        "tokens": manifest.trees[0].tokens if manifest.trees else 0,
        "signed_by": stored.signed_by,
    }


def _tokens(manifest: "Manifest") -> str:
    return f"{manifest.trees[0].tokens:,}" if manifest.trees else "?"
