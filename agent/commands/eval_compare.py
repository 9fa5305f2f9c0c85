"""`megacontext eval compare`: two finished runs of one suite, with paired intervals. Parses, calls, prints."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console import print_json, say

if TYPE_CHECKING:
    from ..evals.running.comparing import Comparison


def compare(
    left: Annotated[Path, typer.Argument(metavar="A", help="The folder of a run.")],
    right: Annotated[Path, typer.Argument(metavar="B", help="The folder of another.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the differences as JSON.")] = False,
) -> None:
    """How much better A is than B, over the tasks both have, with paired bootstrap intervals."""
    from ..evals.running.comparing import compare_runs
    from ..evals.running.figures import shown_difference
    from ..evals.running.run_folder import read_run

    found = compare_runs(read_run(left), read_run(right))
    if as_json:
        print_json(_as_json(found))
        return
    for each in found.differences:
        arm = each.left if each.left == each.right else f"{each.left} against {each.right}"
        told = f"{shown_difference(each)} ({each.tasks} tasks: {each.verdict})"
        say(f"{each.name}, {arm}: {told}")
    for condition in found.conditions:
        say(f"not the same: {condition}")


def _as_json(found: "Comparison") -> dict[str, Any]:
    from dataclasses import asdict

    from ..evals.reports import plain

    rows = [{**asdict(each), "verdict": each.verdict} for each in found.differences]
    data: dict[str, Any] = plain(
        {
            "suite": found.left.suite,
            "left": str(found.left.folder),
            "right": str(found.right.folder),
            "differences": rows,
            "not_the_same": list(found.conditions),
        }
    )
    return data
