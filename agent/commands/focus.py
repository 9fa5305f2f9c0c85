"""`megacontext focus`: show the working context that a query would get."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from ..console import print_json, say, write
from .opened import fresh_engine
from .options import Codec, Json, Model, Repo, in_repository, overrides, place_typed


def focus(
    query: Annotated[str, typer.Argument(help="The task or question, in words or code.")] = "",
    budget: Annotated[
        int | None,
        typer.Option(
            "--budget", metavar="N", help="Positions of the base model. Default: focus.budget."
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="PATH:LINE:COL", help="Where the cursor is.")
    ] = None,
    codec: Codec = None,
    show: Annotated[
        bool, typer.Option("--print", help="Print what the model would read, in its order.")
    ] = False,
    repo: Repo = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Choose what a model should see of the repository, within a budget."""
    from megacontext.memory.focus import FocusQuery

    from ..events import FocusedEntry

    if not query and not at:
        raise typer.BadParameter("give a query, or a place with --at")
    typed = place_typed(at) if at else None
    flags = overrides(model__name=model, focus__budget=budget, focus__codec=codec)
    with fresh_engine(repo, flags, quiet=as_json) as engine:
        place = in_repository(typed, engine.workplace.places.root) if typed else None
        wanted = FocusQuery(text=query, at=place, budget=engine.settings.focus.budget)
        focused, rendering = engine.focus_and_read(wanted)
        if as_json:
            ordered = focused.in_order if show else focused.entries
            result: dict[str, Any] = {
                "budget": focused.budget,
                "total_cost": focused.total_cost,
                "ms": round(focused.elapsed_ms, 1),
                "entries": [asdict(FocusedEntry.of(entry)) for entry in ordered],
            }
            if show:
                result["text"] = rendering.text
            print_json(result)
        elif show:
            write(rendering.text)
        else:
            for entry in focused.entries:
                place_text = (
                    f"{entry.path}:{entry.start_line}-{entry.end_line}"
                    if entry.start_line
                    else entry.path or "."
                )
                say(
                    f"{entry.score:6.2f}  L{entry.level}  {entry.cost:5}  {place_text}  {'; '.join(entry.reasons)}"
                )
            say(
                f"{focused.total_cost:,} of {focused.budget:,} positions, {focused.elapsed_ms:.0f} ms"
            )
