"""`megacontext eval repository`: what memory is worth in real packages. Parses, calls, prints."""

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console import say
from .eval_suite import ARTIFACTS, Fresh, Json, Out, Wandb, run_and_tell

if TYPE_CHECKING:
    from ..evals.repository.settings import Kind, RepositorySettings


def repository(
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What is measured on. Default: eval/repository.yaml."),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--task", metavar="KIND", help="lines, edits, needles or bodies; all by default."
        ),
    ] = None,
    model: Annotated[str, typer.Option(metavar="NAME", help="A preset or a model folder.")] = (
        "pocket"
    ),
    package: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Of the settings' packages only these.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="Tasks of each kind instead of the settings' number.")
    ] = None,
    data: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Keeps packages and what was measured.")
    ] = Path("data"),
    out: Out = ARTIFACTS,
    fresh: Fresh = False,
    wandb: Wandb = False,
    as_json: Json = False,
) -> None:
    """Complete lines and functions, find functions and follow edits, with memory and without, at equal budget.

    Stopped, it goes on where it was.
    """
    from megacontext.models.training.corpus.settings import read_yaml

    from ..evals.repository.bench import BenchPlaces, on_bench
    from ..evals.repository.settings import RepositorySettings
    from ..evals.repository.suites import suite_of

    kinds = _kinds(kind)
    file = config or Path(str(files("megacontext.configs") / "eval" / "repository.yaml"))
    settings = narrowed(read_yaml(file, RepositorySettings), package, count)
    if not as_json:
        say(f"opening {', '.join(settings.names)}; the first time takes minutes")
    with on_bench(settings, file, model, BenchPlaces(data)) as bench:
        for each in kinds:
            suite: Any = suite_of(each, bench)
            run_and_tell(suite, out, fresh=fresh, wandb=wandb, as_json=as_json)


def narrowed(
    settings: "RepositorySettings", packages: list[str] | None, count: int | None
) -> "RepositorySettings":
    """The settings with some of the packages, and with so many tasks of each kind."""
    from ..evals.repository.settings import KINDS

    if packages:
        if unknown := [name for name in packages if name not in settings.names]:
            raise typer.BadParameter(
                f"--package {unknown[0]} is none of {', '.join(settings.names)}"
            )
        kept = tuple(each for each in settings.packages if each.name in packages)
        settings = settings.model_copy(update={"packages": kept})
    if count is None:
        return settings
    parts: dict[str, Any] = {
        kind: getattr(settings, kind).model_copy(update={"count": count}) for kind in KINDS
    }
    return settings.model_copy(update=parts)


def _kinds(typed: list[str] | None) -> "list[Kind]":
    from ..evals.repository.settings import KINDS

    wanted = typed or list(KINDS)
    if unknown := [each for each in wanted if each not in KINDS]:
        raise typer.BadParameter(f"--task {unknown[0]} is none of {', '.join(KINDS)}")
    return [kind for kind in KINDS if kind in wanted]
