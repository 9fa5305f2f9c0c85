"""`megacontext eval packs`: what knowledge packs give to repositories that use frameworks. Parses, calls, prints."""

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console import say
from .eval_suite import ARTIFACTS, Fresh, Json, Out, Wandb, run_and_tell

if TYPE_CHECKING:
    from ..evals.packs.settings import Kind, PackSettings


def packs(
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What is measured on. Default: eval/packs.yaml."),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--task", metavar="KIND", help="questions or calls; both by default."),
    ] = None,
    model: Annotated[str, typer.Option(metavar="NAME", help="A preset or a model folder.")] = (
        "pocket"
    ),
    repository: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Of the settings' repositories only these."),
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="Tasks of each kind instead of the settings' number.")
    ] = None,
    data: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Keeps packages, packs and what was measured.")
    ] = Path("data"),
    out: Out = ARTIFACTS,
    fresh: Fresh = False,
    wandb: Wandb = False,
    as_json: Json = False,
) -> None:
    """Find definitions of frameworks, and complete calls to them, with their packs and without, at equal budget.

    Stopped, it goes on where it was.
    """
    from megacontext.models.training.corpus.settings import read_yaml

    from ..evals.packs.bench import PackPlaces, on_pack_bench
    from ..evals.packs.call_suite import CallSuite
    from ..evals.packs.question_suite import QuestionSuite
    from ..evals.packs.settings import PackSettings
    from ..evals.repositories import Reader

    kinds = _kinds(kind)
    file = config or Path(str(files("megacontext.configs") / "eval" / "packs.yaml"))
    settings = narrowed(read_yaml(file, PackSettings), repository, count)
    suites: dict[Kind, Any] = {"questions": QuestionSuite, "calls": CallSuite}
    reader = Reader.load(model)
    for each in kinds:
        if not as_json:
            names = ", ".join(dict.fromkeys(package.name for package in settings.packages))
            say(f"opening {names}; the first time takes minutes")
        with on_pack_bench(settings, file, reader, PackPlaces(data), each) as bench:
            run_and_tell(suites[each](bench), out, fresh=fresh, wandb=wandb, as_json=as_json)


def narrowed(
    settings: "PackSettings", repositories: list[str] | None, count: int | None
) -> "PackSettings":
    """The settings with some of the repositories, and with so many tasks of each kind."""
    from ..evals.packs.settings import KINDS

    changes: dict[str, Any] = {}
    if repositories:
        known = [stand.repository.name for stand in settings.stands]
        if unknown := [name for name in repositories if name not in known]:
            raise typer.BadParameter(f"--repository {unknown[0]} is none of {', '.join(known)}")
        kept = (stand for stand in settings.stands if stand.repository.name in repositories)
        changes["stands"] = tuple(kept)
    if count is not None:
        changes |= {
            kind: getattr(settings, kind).model_copy(update={"count": count}) for kind in KINDS
        }
    return settings.model_copy(update=changes)


def _kinds(typed: list[str] | None) -> "list[Kind]":
    from ..evals.packs.settings import KINDS

    wanted = typed or list(KINDS)
    if unknown := [each for each in wanted if each not in KINDS]:
        raise typer.BadParameter(f"--task {unknown[0]} is none of {', '.join(KINDS)}")
    return [kind for kind in KINDS if kind in wanted]
