"""`megacontext verify`: is the index whole and fresh?"""

from typing import Annotated

import typer

from ..console import print_json, progress_bar, say
from .index import make_gists
from .options import Json, Model, Repo, overrides

SHOWN_ERRORS = 20


def verify(
    repair: Annotated[bool, typer.Option("--repair", help="Make damaged parts again.")] = False,
    repo: Repo = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Check tiling, checksums, keys and freshness of the index; exit 1 when something is wrong."""
    from megacontext.memory.ingest.report import Progress

    from ..opening import Workplace

    workplace = Workplace.at(repo, overrides(model__name=model))
    with workplace.open_memory(write=repair) as memory, progress_bar(not as_json) as bar:
        verdict = memory.verifier().run(lambda done, total: bar(Progress("files", done, total)))
        found = list(verdict.errors)
        if repair and found:
            had_gists = memory.store.rows_per_level().get(1, 0) > 0
            memory.repair(verdict)
            if had_gists:
                make_gists(workplace, memory, bar)
            verdict = memory.verifier().run()
    if as_json:
        repaired = found if repair else []
        print_json(
            {
                "ok": verdict.ok,
                "errors": verdict.errors,
                "repaired": repaired,
                "checked": verdict.checked,
            }
        )
    else:
        for error in verdict.errors[:SHOWN_ERRORS]:
            say(error)
        if len(verdict.errors) > SHOWN_ERRORS:
            say(f"and {len(verdict.errors) - SHOWN_ERRORS} more")
        checked = ", ".join(f"{count:,} {what}" for what, count in verdict.checked.items())
        state = (
            "whole and fresh"
            if verdict.ok
            else "`megacontext index` reads what has changed, --repair mends the rest"
        )
        say(f"checked {checked}: {state}")
        if repair and found:
            say(f"repaired {len(found)}")
    if not verdict.ok:
        raise typer.Exit(1)
