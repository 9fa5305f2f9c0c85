"""`megacontext eval humaneval`, `humaneval_plus` and `mbpp_plus`: functions written and run. Parses and calls."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from megacontext.configs.errors import SettingsError

from ..console import note
from .eval_suite import ARTIFACTS, Fresh, Json, Out, Wandb, run_and_tell

if TYPE_CHECKING:
    from ..evals.code.problems import Problems
    from ..evals.code.settings import CodeSettings
    from ..evals.code.writing import Writer
    from ..evals.running.suite import Identity

CANONICAL, HUB = "canonical", "hub"


def code(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What is run. Default: eval/NAME.yaml.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="The benchmark's file, its folder, or `hub`. Default: settings."
        ),
    ] = None,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="auto, a preset, a hub name, or a model folder.")
    ] = "pocket",
    samples: Annotated[
        str | None,
        typer.Option(metavar="canonical|FILE", help="Completions to run, instead of a model's."),
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="auto, complete, chat, infill-line, infill-lines, infill-span, without-memory or with-memory. "
            "Default: settings.",
        ),
    ] = None,
    memory: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="A repository whose memory stands before the problems: with it and without, unless --arm says else.",
        ),
    ] = None,
    memory_budget: Annotated[
        int | None, typer.Option(min=1, help="Positions that memory may take. Default: settings.")
    ] = None,
    count: Annotated[
        int | None,
        typer.Option("--count", min=1, help="Samples for each problem. Default: settings."),
    ] = None,
    k: Annotated[
        list[int] | None, typer.Option("--k", min=1, help="Of pass@k. Default: settings.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, help="0 is greedy. Default: settings.")
    ] = None,
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, help="Of a completion. Default: settings.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the samples.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="How many problems, the first ones.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Programs at once. Default: two for each processor.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    out: Out = ARTIFACTS,
    fresh: Fresh = False,
    wandb: Wandb = False,
    as_json: Json = False,
) -> None:
    """Write functions, run them in a sandbox, and report pass@k. Stopped, it goes on where it was."""
    from ..evals.code.judging import Judge
    from ..evals.code.sandbox.cell import Bounds
    from ..evals.code.sandbox.shelter import best_shelter
    from ..evals.code.suite import CodeSuite

    given = {
        "arms": arm or (["without-memory", "with-memory"] if memory else None),
        "memory_budget": memory_budget,
        "samples": count,
        "k": k or None,
        "temperature": temperature,
        "max_new_tokens": max_new_tokens,
        "seed": seed,
    }
    name = context.info_name or ""
    settings = _settings(config or _shipped(name), given)
    shelter = best_shelter()
    if not as_json:
        note(f"programs run under {shelter.description}")
    problems = _problems(settings, data)
    with _asked(settings, samples, model, device, memory, out) as asked:
        identity = _identity(settings, asked, problems, shelter.description)
        suite = CodeSuite(
            settings=settings,
            identity=identity,
            tasks=problems.problems[:limit],
            arms=asked.arms,
            writer=asked.writer,
            judge=Judge(
                shelter,
                Bounds(**settings.limits.model_dump()),
                workers or 2 * (os.cpu_count() or 1),
                out / "expected" / problems.digest,
            ),
        )
        run_and_tell(suite, out, fresh=fresh, wandb=wandb, as_json=as_json)


def _shipped(name: str) -> Path:
    return Path(str(files("megacontext.configs") / "eval" / f"{name}.yaml"))


def _settings(file: Path, given: dict[str, Any]) -> "CodeSettings":
    from pydantic import ValidationError

    from megacontext.models.training.corpus.settings import read_yaml

    from ..evals.code.settings import CodeSettings

    settings = read_yaml(file, CodeSettings)
    changes = {name: value for name, value in given.items() if value is not None}
    try:
        return CodeSettings.model_validate({**settings.model_dump(), **changes})
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the options together"
        raise SettingsError(f"{where}: {first['msg']}") from exc


def _problems(settings: "CodeSettings", data: str | None) -> "Problems":
    from ..evals.code.hub import hub_problems
    from ..evals.code.problems import read_problems

    if data == HUB:
        return hub_problems(settings.data)
    path = Path(data or settings.data.folder)
    file = path / settings.data.file if path.is_dir() or data is None else path
    if not file.is_file():
        raise SettingsError(
            f"there is no {file}; give the folder of {settings.data.file} with --data, "
            f"or read {settings.data.hub} from the hub with --data hub"
        )
    return read_problems(file)


@dataclass(frozen=True)
class _Asked:
    """Who writes, under which arms, and how the run tells who it was."""

    writer: "Writer"
    arms: list[str]
    about: dict[str, Any]
    data: Mapping[str, str] = field(default_factory=dict)
    """What samples depend on beside the problems."""


@contextmanager
def _asked(
    settings: "CodeSettings",
    samples: str | None,
    model: str,
    device: str,
    memory: Path | None,
    out: Path,
) -> Iterator[_Asked]:
    from ..evals.code.writing import Asked, Canonical, Given, check_arm

    if samples is not None and memory is not None:
        raise SettingsError("--memory is for a model that reads it; leave --samples out")
    if samples == CANONICAL:
        yield _Asked(Canonical(settings), _arms(settings, chats=False), {"name": CANONICAL})
        return
    if samples is not None:
        file = Given.read(Path(samples))
        yield _Asked(file, ["complete"], {"name": Path(samples).name, "digest": file.digest})
        return
    from ..evals.running.model import load

    loaded, about = load(model, device)
    arms = _arms(settings, chats=loaded.supports_chat)
    with ExitStack() as closing:
        remembered, nats = None, None
        if memory is not None:
            from ..evals.code.remembering import remembering, solutions_nats

            opened = remembering(memory, loaded, model, settings.memory_budget)
            remembered = closing.enter_context(opened)
            nats = closing.enter_context(solutions_nats(loaded, about, out / "losses.db"))
        for each in arms:
            check_arm(loaded, each, remembered)
        data = remembered.identity if remembered else {}
        yield _Asked(Asked(loaded, settings, remembered, nats), arms, about, data)


def _arms(settings: "CodeSettings", *, chats: bool) -> list[str]:
    auto = "chat" if chats else "complete"
    return list(dict.fromkeys(auto if each == "auto" else each for each in settings.arms))


def _identity(
    settings: "CodeSettings", asked: _Asked, problems: "Problems", protection: str
) -> "Identity":
    from ..evals.running.suite import Identity

    # What no arm reads does not make another run.
    unread = {"data", "batch"} if asked.data else {"data", "batch", "memory_budget"}
    kept = settings.model_dump(mode="json", exclude=unread)
    data = {settings.name: problems.digest, **asked.data}
    return Identity({**kept, "protection": protection}, asked.about, data)
