"""`megacontext focus`: show the working context that a query would get."""

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console import note, print_json, say, write
from .opened import fresh_engine
from .options import Codec, Json, Model, Repo, in_repository, overrides, place_typed

if TYPE_CHECKING:
    from megacontext.memory.focus import Rendering, WorkingEntry

    from ..sources import Composed, Part


class Reader(StrEnum):
    """Who is going to read the working context: rules for packs may differ."""

    ask = "ask"
    chat = "chat"
    complete = "complete"
    mcp = "mcp"


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
    why: Annotated[
        bool,
        typer.Option("--why", help="Also show where packs come from, and what a rule kept out."),
    ] = False,
    reader: Annotated[
        Reader | None,
        typer.Option(
            "--for",
            help="Who reads it, for the rules of packs. Default: complete with --at, else ask.",
        ),
    ] = None,
    repo: Repo = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Choose what a model should see of the repository and of mounted packs, within a budget."""
    from megacontext.memory.focus import FocusQuery

    if not query and not at:
        raise typer.BadParameter("give a query, or a place with --at")
    typed = place_typed(at) if at else None
    flags = overrides(model__name=model, focus__budget=budget, focus__codec=codec)
    with fresh_engine(repo, flags, quiet=as_json) as engine:
        place = in_repository(typed, engine.workplace.places.root) if typed else None
        wanted = FocusQuery(text=query, at=place, budget=engine.settings.focus.budget)
        context = reader or (Reader.complete if place else Reader.ask)
        composed, rendering = engine.focus_and_read(wanted, context=context.value)
        if as_json:
            print_json(_result(composed, rendering, show=show))
        elif show:
            write(rendering.text)
        else:
            _show(composed, why=why)


def _result(composed: "Composed", rendering: "Rendering", *, show: bool) -> dict[str, Any]:
    from ..events import FocusedEntry

    result: dict[str, Any] = {
        "budget": composed.budget,
        "total_cost": composed.total_cost,
        "ms": round(composed.elapsed_ms, 1),
        "entries": [
            asdict(FocusedEntry.of(entry, part.source.provenance(entry)))
            for part in composed.parts
            for entry in (part.focused.in_order if show else part.focused.entries)
        ],
        "kept_out": [asdict(each) for each in composed.kept_out],
    }
    if show:
        result["text"] = rendering.text
    return result


def _show(composed: "Composed", *, why: bool) -> None:
    for line in composed.notices:
        note(line)
    for part in composed.parts:
        for entry in part.focused.entries:
            say(_line(entry))
            if why and (line := _origin(part, entry)):
                say(f"                       {line}")
    if why:
        for each in composed.kept_out:
            score = "" if each.score is None else f", which would score {each.score:.2f}"
            say(f"kept out: {each.place}{score}, by {each.rule}")
    say(f"{composed.total_cost:,} of {composed.budget:,} positions, {composed.elapsed_ms:.0f} ms")


def _line(entry: "WorkingEntry") -> str:
    lines = f":{entry.start_line}-{entry.end_line}" if entry.start_line else ""
    place = f"{entry.path}{lines}" or "."
    return (
        f"{entry.score:6.2f}  L{entry.level}  {entry.cost:5}  {place}  {'; '.join(entry.reasons)}"
    )


def _origin(part: "Part", entry: "WorkingEntry") -> str:
    from megacontext.memory.packs.pack_memory import Provenance

    told = part.source.provenance(entry)
    return Provenance(**told).line if told else ""
