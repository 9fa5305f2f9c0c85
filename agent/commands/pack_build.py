"""`megacontext pack build`: make a pack of a package, a revision, a folder or the standard library."""

from pathlib import Path
from typing import Annotated

import typer

from ..console import human_bytes, note, print_json, progress_bar, say
from .options import Json, Model, overrides

SHOWN_LEFT_OUT = 5


def build(
    origin: Annotated[
        str,
        typer.Argument(
            metavar="ORIGIN",
            help="pypi:NAME==VERSION, installed:NAME, git:WHERE@REV, stdlib, or a folder.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Default: NAME-VERSION.mcpack here."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="Default: what the origin is called.")] = "",
    version: Annotated[str, typer.Option("--version", help="Default: the origin's.")] = "",
    licence: Annotated[
        str, typer.Option("--licence", metavar="SPDX", help="Default: what the origin says.")
    ] = "",
    gists: Annotated[
        bool,
        typer.Option(
            "--gists/--no-gists", help="Also make gists for the model at hand; takes long."
        ),
    ] = False,
    docs: Annotated[
        bool,
        typer.Option(
            "--docs/--no-docs",
            help="Of pypi: also take documentation from the source archive. To fetch one, pip runs its build script.",
        ),
    ] = True,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key",
            metavar="FILE",
            help="Sign with this key. Default: your own, made when it is first needed.",
        ),
    ] = None,
    sign: Annotated[bool, typer.Option("--sign/--no-sign", help="Sign the pack.")] = True,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Make a pack: texts, facts, tokens of the model at hand, and a signature, in one file."""
    from megacontext.memory.packs.container import SUFFIX
    from megacontext.memory.packs.signing import Signer, key_file

    from ..opening import Workplace
    from ..packs.making import Wish, gathered, make_pack
    from ..packs.origins import Named

    workplace = Workplace.at(None, overrides(model__name=model))
    signer = Signer.load(key or key_file()) if sign else None
    files = gathered(workplace, origin, Wish(Named(name, version, licence), docs=docs))
    path = out or Path(f"{files.identity.name}-{files.identity.version}{SUFFIX}")
    with progress_bar(not as_json) as bar:
        built = make_pack(workplace, files, path, signer, gists=gists, on_progress=bar)
    manifest = built.manifest
    tokens = manifest.trees[0].tokens
    if as_json:
        print_json(
            {
                "path": str(path),
                "id": manifest.id,
                "name": manifest.name,
                "version": manifest.version,
                "origin": manifest.origin,
                "licence": manifest.licence,
                "root": manifest.root,
                "files": manifest.counts.files,
                "tokens": tokens,
                "bytes": path.stat().st_size,
                "signed_by": signer.fingerprint if signer else "",
                "left_out": [{"path": each.path, "reason": each.reason} for each in built.left_out],
                "notes": list(files.notes),
            }
        )
        return
    for line in files.notes:
        note(line)
    say(
        f"{path}: {manifest.label}, {manifest.licence}, {manifest.counts.files:,} files, {tokens:,} tokens, "
        f"{human_bytes(path.stat().st_size)}"
    )
    if built.left_out:
        say(f"left out: {len(built.left_out):,}, such as")
        for each in built.left_out[:SHOWN_LEFT_OUT]:
            say(f"  {each.path}: {each.reason}")
    say(
        f"signed with key {signer.fingerprint}"
        if signer
        else "unsigned: whoever adds it needs --trust"
    )
