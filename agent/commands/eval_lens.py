"""`megacontext eval lens` and `eval recall`: measure a focus, and the gists that lead it. Parses, calls, prints."""

import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from megacontext.configs.errors import SettingsError

from ..console import print_json, say

if TYPE_CHECKING:
    from ..evals.lens.task import LensReport, LensTask

Config = Annotated[
    Path | None, typer.Option(metavar="FILE", help="What is measured on. Default: eval/lens.yaml.")
]
Model = Annotated[str, typer.Option(metavar="NAME", help="The base: a preset or a model folder.")]
LensNetFolder = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="The LensNet. Default: the one in the model's folder."),
]
Ablations = Annotated[
    list[str] | None,
    typer.Option("--ablation", metavar="NAME=FOLDER", help="Another LensNet to hold it against."),
]
Data = Annotated[
    Path, typer.Option(help="Folder that keeps wheels, repositories and what was measured.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]


def lens(
    config: Config = None,
    model: Model = "pocket",
    lensnet: LensNetFolder = None,
    ablation: Ablations = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="Scenes instead of the settings' own number.")
    ] = None,
    data: Data = Path("data"),
    notes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Markdown on what was tried, to be merged.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the report goes.")] = Path(
        "docs/reports"
    ),
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=["%Y-%m-%d"], help="In the report's name. Default: today."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure who spends a budget of detail best, on held-out packages, with a report.

    Stopped, it goes on where it was.
    """
    from megacontext.models.training.provenance import provenance

    from ..evals.lens.report.bars import report_data
    from ..evals.lens.report.page import page
    from ..evals.lens.report.plots import plots
    from ..evals.lens.task import evaluate_lens
    from ..evals.reports import Report, prepare_report, report_stem, write_report

    prepare_report(out)
    when = day.date() if day else datetime.now(UTC).date()
    given = {"config": config, "model": model, "lensnet": lensnet, "count": count, "date": when}
    told = {
        "date": when,
        "command": _command("lens", given, ablation or ()),
        "provenance": provenance(),
        "notes": _read_text(notes) if notes else None,
    }
    task = _task(config, model, lensnet, ablation or (), data, count)
    with _progress("scenes") as progress:
        found = evaluate_lens(task, progress, **told)
    stem = report_stem("lens", when)
    figures = report_data(found)
    written = write_report(out, Report(stem, page(found, stem), figures, plots(found)))
    if as_json:
        print_json(_plain({"report": str(written), **figures}))
    else:
        _tell(found, written)


def recall(
    config: Config = None,
    model: Model = "pocket",
    lensnet: LensNetFolder = None,
    data: Data = Path("data"),
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON for `eval gist --recall`.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure whether coarse gists lead to the file whose definition a cursor needs."""
    from ..evals.lens.task import ABOUT, evaluate_recall

    task = _task(config, model, lensnet, (), data, None)
    with _progress("cursors") as progress:
        found = _plain(evaluate_recall(task, progress))
    if out is not None:
        _write_json(out, found)
    if as_json:
        print_json(found)
        return
    about = found.pop(ABOUT)
    say(f"{about['cursors']} cursors, {about['files_ranked']:.0f} files ranked for each on average")
    for name, row in found.items():
        told = (f"@{k} {mid:.2f} [{low:.2f}, {high:.2f}]" for k, (low, mid, high) in row.items())
        say(f"{name:16}{'  '.join(told)}")


def _task(
    config: Path | None,
    model: str,
    lensnet: Path | None,
    ablations: Sequence[str],
    data: Path,
    count: int | None,
) -> "LensTask":
    from megacontext.models.training.corpus.settings import read_yaml

    from ..evals.lens.run import LensPlaces
    from ..evals.lens.settings import EvaluationSettings
    from ..evals.lens.task import LensTask

    file = config or Path(str(files("megacontext.configs") / "eval" / "lens.yaml"))
    settings = read_yaml(file, EvaluationSettings)
    if count is not None:
        settings = settings.model_copy(update={"snapshots": count})
    named = dict(_ablation(each) for each in ablations)
    return LensTask(settings, file, model, lensnet, named, LensPlaces(data))


def _ablation(typed: str) -> tuple[str, Path]:
    name, equals, folder = typed.partition("=")
    if not (name and equals and folder):
        raise typer.BadParameter(f"--ablation is {typed!r}; write NAME=FOLDER")
    return name, Path(folder)


def _command(verb: str, options: Mapping[str, object], ablations: Sequence[str]) -> str:
    """The command line with these options; what was not given is left out."""
    given = [*options.items(), *(("ablation", each) for each in ablations)]
    parts = [f"--{name} {shlex.quote(str(each))}" for name, each in given if each is not None]
    return " ".join(["megacontext eval", verb, *parts])


def _progress(task: str) -> Any:
    from rich.console import Console

    from ..evals.lens.run import progress_shown

    return progress_shown(Console(stderr=True), task)


def _plain(figures: Mapping[str, Any]) -> dict[str, Any]:
    from ..evals.reports import plain

    found: dict[str, Any] = plain(figures)
    return found


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{path} cannot be read as text ({exc}); give another file") from exc


def _write_json(path: Path, figures: Mapping[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    except OSError as exc:
        raise SettingsError(f"{path} cannot be written ({exc.strerror}); give another") from exc


def _tell(report: "LensReport", written: Path) -> None:
    from ..evals.lens.report.bars import verdicts
    from ..evals.lens.report.page import figure, named

    say(f"{named(report.subject)} on {report.scenes} scenes")
    for each in verdicts(report):
        verdict = "met" if each.met else "missed"
        say(f"{each.measure}: {figure(each.measured)} ({each.wanted}: {verdict})")
    say(f"report: {written}")
