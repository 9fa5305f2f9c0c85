"""`megacontext index`: make the memory of a repository equal to its files."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console import human_bytes, print_json, progress_bar, say
from .options import Json, Model, overrides

if TYPE_CHECKING:
    from megacontext.memory.ingest import IngestReport
    from megacontext.memory.ingest.report import OnProgress
    from megacontext.memory.memory import Memory

    from ..opening import Workplace

SHOWN_LEFT_OUT = 5


def index(
    repo: Annotated[
        Path | None, typer.Argument(help="The repository. Default: the enclosing one.")
    ] = None,
    gists: Annotated[
        bool | None,
        typer.Option("--gists/--no-gists", help="Also make the gists. Default: memory.gists."),
    ] = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Index a repository, or bring its index up to date."""
    from ..opening import Workplace

    workplace = Workplace.at(repo, overrides(model__name=model))
    started = time.perf_counter()
    with workplace.open_memory(write=True) as memory, progress_bar(not as_json) as bar:
        report = memory.writer.reconcile(bar)
        if workplace.wants_gists if gists is None else gists:
            make_gists(workplace, memory, bar)
        result = _result(memory, time.perf_counter() - started)
    if as_json:
        print_json(result)
    else:
        _show(workplace, report, result)


def make_gists(workplace: "Workplace", memory: "Memory", on_progress: "OnProgress") -> None:
    """Make all missing gists; loads the model only when there are some."""
    from megacontext.models.gist.loading import gister_for
    from megacontext.models.language.loading import load_model

    if memory.has_all_gists() or workplace.choice is None:
        return
    gister = gister_for(load_model(workplace.choice), workplace.folder)
    memory.gisting(gister).run(on_progress)


def _result(memory: "Memory", seconds: float) -> dict[str, Any]:
    counts = memory.catalogue.counts()
    return {
        "files": counts["files"],
        "chunks": counts["chunks"],
        "tokens": memory.tokens,
        "rows": {f"L{level}": rows for level, rows in memory.store.rows_per_level().items()},
        "seconds": round(seconds, 3),
        "root": memory.root_key.hex() if memory.root_key else None,
        "left_out": [
            {"path": item.path, "reason": item.reason} for item in memory.catalogue.left_out()
        ],
    }


def _show(workplace: "Workplace", report: "IngestReport", result: dict[str, Any]) -> None:
    changes = (
        f"{len(report.added)} added, {len(report.changed)} changed, {len(report.removed)} removed"
    )
    say(
        f"{workplace.places.root}: {result['files']:,} files ({changes}) in {result['seconds']:.1f} s"
    )
    say(f"{result['chunks']:,} chunks, {result['tokens']:,} tokens, root {result['root'][:12]}")
    rows = ", ".join(f"{level} {count:,}" for level, count in result["rows"].items())
    sizes = sum(file.stat().st_size for file in workplace.places.state.rglob("*") if file.is_file())
    say(f"rows: {rows or 'none'}; {human_bytes(sizes)} on disk")
    left_out = result["left_out"]
    if left_out:
        say(f"left out: {len(left_out)}, such as")
        for item in left_out[:SHOWN_LEFT_OUT]:
            say(f"  {item['path']}: {item['reason']}")
        say("`megacontext status` lists them all")
