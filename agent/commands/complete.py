"""`megacontext complete`: continue a file at a cursor."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..console import note, print_json, write
from .opened import fresh_engine
from .options import Codec, Json, Model, Repo, in_repository, overrides, place_typed

if TYPE_CHECKING:
    from megacontext.memory.focus import Position

    from ..engine import Engine
    from ..events import Event


def complete(
    place: Annotated[
        str, typer.Argument(metavar="PATH:LINE:COL", help="Where the cursor is, counted from 1.")
    ],
    codec: Codec = None,
    repo: Repo = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Complete code at a cursor, with the focused memory of the repository before it."""
    typed = place_typed(place)
    flags = overrides(model__name=model, focus__codec=codec)
    with fresh_engine(repo, flags, quiet=as_json) as engine:
        at = in_repository(typed, engine.workplace.places.root)
        if as_json:
            print_json(_result(engine.complete(at)))
        else:
            continuation(engine, at)


def continuation(engine: "Engine", at: "Position") -> None:
    """Print what would stand at a place, for a person, as it comes."""
    from ..events import Notice, Token, Usage

    for event in engine.complete(at):
        match event:
            case Notice():
                note(event.text)
            case Token():
                write(event.text)
            case Usage():
                write("\n")
                note(
                    f"{event.model}: {event.positions:,} positions ({event.reused:,} reused), "
                    f"{event.generated} tokens, {event.ms:.0f} ms"
                )


def _result(events: Iterable["Event"]) -> dict[str, Any]:
    from ..events import FocusChange, Token, Usage

    result: dict[str, Any] = {"text": "", "entries": []}
    for event in events:
        match event:
            case FocusChange():
                result["entries"] += [asdict(entry) for entry in event.entries]
            case Token():
                result["text"] += event.text
            case Usage():
                result |= {
                    "ms": event.ms,
                    "positions": event.positions,
                    "reused": event.reused,
                    "mean_logprob": event.mean_logprob,
                }
    return result
