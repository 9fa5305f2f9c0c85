"""`megacontext eval gist`: measure a GistNet and write the report. Parses, calls, prints."""

import re
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..console import note, print_json, say
from .eval_common import command_line, read_json, read_text, stages

if TYPE_CHECKING:
    from ..evals.gist_report import GistReport

Device = Literal["auto", "cpu", "cuda"]
Precise = Literal["float32", "bfloat16"]


def _label(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", text):
        raise typer.BadParameter("it becomes part of a file's name: letters, digits, - and _ only")
    return text


def gist(
    context: typer.Context,
    model: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The base model. Default: pocket.")
    ] = None,
    gistnet: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Its GistNet. Default: the one in the model's folder."),
    ] = None,
    packed: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Packed windows. Default: those of the run --config."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Settings of a run of `train base`. Default: pocket_cpu."
        ),
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder of the prepared corpora.")] = Path("data"),
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs"),
    windows: Annotated[int, typer.Option(min=2, help="How many held-out windows to read.")] = 256,
    ceiling: Annotated[
        bool, typer.Option(help="Fit slots by gradient too, for the ceiling; takes longest.")
    ] = True,
    ceiling_windows: Annotated[
        int, typer.Option(min=1, help="On how many windows slots are fitted.")
    ] = 64,
    ceiling_steps: Annotated[
        int, typer.Option(min=1, help="How often fitted slots are moved.")
    ] = 40,
    arm: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            callback=_label,
            help="How base and GistNet were trained, if not with a frozen base.",
        ),
    ] = "frozen",
    seed: Annotated[int, typer.Option(min=0, help="Of the places and of the resampling.")] = 0,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = "auto",
    precision: Annotated[Precise, typer.Option(help="Of the base.")] = "float32",
    recall: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON of descendant recall, to be merged.")
    ] = None,
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
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure GistNet on held-out packages: CGR and ΔNLL against controls, with a report."""
    from megacontext.models.choosing.choose import pocket_folder

    from ..evals.gist_page import page
    from ..evals.gist_plots import plots
    from ..evals.gist_report import FROZEN, report_data
    from ..evals.gist_run import GistTask, evaluate_gists, windows_folder
    from ..evals.reports import Report, plain, prepare_report, report_stem, write_report

    prepare_report(out)
    when = day.date() if day else datetime.now(UTC).date()
    merged = read_json(recall), read_text(notes)
    settings = config or Path(str(files("megacontext.configs") / "runs" / "pocket_cpu.yaml"))
    task = GistTask(
        model=model or pocket_folder(),
        gistnet=gistnet,
        windows=packed or windows_folder(settings, data, runs, note),
        arm=arm,
        count=windows,
        ceiling=ceiling_windows if ceiling else 0,
        ceiling_steps=ceiling_steps,
        seed=seed,
        device=device,
        precision=precision,
    )
    with stages(not as_json) as on_stage:
        found = evaluate_gists(task, when, command_line(context, when), on_stage, *merged)
    stem = report_stem("gist", when, "" if arm == FROZEN else arm)
    figures = report_data(found)
    written = write_report(out, Report(stem, page(found, stem), figures, plots(found)))
    if as_json:
        print_json(plain({"report": str(written), **figures}))
    else:
        _tell(found, written)


def _tell(report: "GistReport", written: Path) -> None:
    from ..evals.gist_page import NAMES
    from ..evals.gist_report import verdicts
    from ..evals.reports import percent

    for each in verdicts(report.figures):
        came = "met" if each.met else "missed"
        what = f"{each.measure} at {each.ratio}, {NAMES[each.setting]}"
        say(f"{what}: {percent(each.measured)} % ({each.wanted}: {came})")
    say(f"report: {written}")
