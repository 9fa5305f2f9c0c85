"""`megacontext pack suggest` and `update`: the packs that dependencies ask for, and those that moved."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from megacontext.configs.errors import PackError

from ..console import note, print_json, progress_bar, say
from .options import Json, Model, Repo, overrides

if TYPE_CHECKING:
    from megacontext.memory.packs.store import StoredPack

    from ..opening import Workplace
    from ..packs.suggesting import Suggestion


def suggest(repo: Repo = None, as_json: Json = False) -> None:
    """Say which packs fit what the project depends on, and at which versions."""
    from ..opening import Workplace

    found = _suggestions(Workplace.at(repo))
    if as_json:
        print_json([_facts(each) for each in found])
        return
    for each in found:
        wanted = each.dependency
        version = f"{wanted.version} ({wanted.version_from})" if wanted.version else "?"
        say(f"{wanted.name:<28} {version:<34} {each.state}")
        if each.advice:
            say(f"    {each.advice}")
    if not found:
        say(
            "no dependencies are named here: there is no pyproject.toml, requirements file, Pipfile or package.json"
        )


def update(
    build: Annotated[
        bool, typer.Option("--build", help="Also build packs that are not on this machine yet.")
    ] = False,
    repo: Repo = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Swap each mounted pack whose dependency has another version now; exit 1 when one cannot be."""
    from megacontext.memory.packs.mounts import Mount, mount

    from ..opening import Workplace

    workplace = Workplace.at(repo, overrides(model__name=model))
    moved = [each for each in _suggestions(workplace) if each.state == "other version"]
    swapped: list[dict[str, str]] = []
    missing: list[dict[str, str]] = []
    for each in moved:
        assert each.mounted is not None
        stored = each.stored
        if stored is None and build and each.dependency.origin:
            stored = _built(workplace, each, quiet=as_json)
        if stored is None:
            missing.append({"name": each.mounted.name, "version": each.dependency.version})
            continue
        mount(workplace.places, Mount.of(stored.manifest, each.mounted.share))
        swapped.append({"from": each.mounted.label, "to": stored.manifest.label})
    if as_json:
        print_json({"swapped": swapped, "missing": missing})
    else:
        for pair in swapped:
            say(f"{pair['from']} gave way to {pair['to']}")
        for lost in missing:
            note(
                f"{lost['name']} {lost['version']} is not on this machine; build it with --build, or add its file"
            )
        if not moved:
            say("every mounted pack is at the version that the project asks for")
    if missing:
        raise typer.Exit(1)


def _built(workplace: "Workplace", each: "Suggestion", *, quiet: bool) -> "StoredPack | None":
    from megacontext.memory.packs.signing import Signer, key_file

    from ..packs.making import Wish, gathered, make_pack, take_in
    from ..packs.origins import Named

    with TemporaryDirectory(prefix="megacontext-update-") as folder, progress_bar(not quiet) as bar:
        path = Path(folder) / "built.mcpack"
        try:
            files = gathered(workplace, each.dependency.origin, Wish(Named()))
            make_pack(workplace, files, path, Signer.load(key_file()), on_progress=bar)
            return take_in(workplace, path, on_progress=bar)
        except PackError as exc:
            note(str(exc))
            return None


def _suggestions(workplace: "Workplace") -> "list[Suggestion]":
    from megacontext.memory.packs.mounts import mounts_of

    from ..packs.dependencies import dependencies
    from ..packs.suggesting import suggestions

    root = workplace.places.root
    return suggestions(
        dependencies(root), mounts_of(workplace.places), workplace.pack_store.packs()
    )


def _facts(each: "Suggestion") -> dict[str, Any]:
    wanted = each.dependency
    return {
        "ecosystem": wanted.ecosystem,
        "name": wanted.name,
        "version": wanted.version,
        "declared_in": wanted.declared_in,
        "version_from": wanted.version_from,
        "state": each.state,
        "mounted": each.mounted.label if each.mounted else None,
        "advice": each.advice,
    }
