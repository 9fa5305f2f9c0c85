"""What the commands that run a suite share: the run folder, the bar, the page. Parses nothing."""

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..console import note, print_json, progress_bar, say

if TYPE_CHECKING:
    from ..evals.running.run_folder import RunFolder
    from ..evals.running.runner import Results
    from ..evals.running.suite import Suite, TaskT

ARTIFACTS = Path("artifacts") / "evals"
Out = Annotated[Path, typer.Option(metavar="FOLDER", help="Where the runs are kept.")]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Begin anew, though a run of the same settings is there.")
]
Wandb = Annotated[bool, typer.Option("--wandb", help="Tell Weights & Biases, too.")]
Json = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]


def run_and_tell(
    suite: "Suite[TaskT]", out: Path, *, fresh: bool, wandb: bool, as_json: bool
) -> None:
    """Run a suite in its folder, or what is left of it; write the page, and print the figures."""
    from ..evals.reports import prepare_report
    from ..evals.running.run_folder import RunFolder
    from ..evals.running.wandb_page import check_wandb

    if wandb:
        check_wandb()
    prepare_report(out)
    command = shlex.join(["megacontext", *sys.argv[1:]])
    day = datetime.now(UTC).date()
    folder = RunFolder.of(out, suite.name, suite.identity, command, day=day, fresh=fresh)
    with folder:
        results = _run(suite, folder, as_json=as_json)
        _tell(suite, folder, results, wandb=wandb, as_json=as_json)


def _run(suite: "Suite[TaskT]", folder: "RunFolder", *, as_json: bool) -> "Results":
    from megacontext.memory.ingest.report import Progress

    from ..evals.running.runner import run_suite

    with progress_bar(not as_json) as show:
        try:
            return run_suite(suite, folder, lambda done, of: show(Progress(suite.name, done, of)))
        except KeyboardInterrupt:
            again = folder.about["command"].replace(" --fresh", "")
            note(f"what was done is kept in {folder.path}; go on with: {again}")
            raise


def _tell(
    suite: "Suite[TaskT]", folder: "RunFolder", results: "Results", *, wandb: bool, as_json: bool
) -> None:
    from ..evals.reports import image_name, write_report
    from ..evals.running.figures import shown
    from ..evals.running.page import report, summary
    from ..evals.running.wandb_page import tell_wandb

    written = report(folder.about, results.figures, suite.sections(results.samples))
    page = write_report(folder.path, written)
    if wandb:
        plots = [folder.path / image_name(written.stem, name) for name in written.images]
        tell_wandb(folder, results.figures, plots)
    if as_json:
        print_json(
            {"run": str(folder.path), "suite": suite.name, "figures": summary(results.figures)}
        )
        return
    for each in results.figures:
        say(
            f"{each.name}, {each.arm}: {shown(each.interval, each.unit)} ({len(each.values)} tasks)"
        )
    say(f"report: {page}")
