"""`megacontext complete`: continue a file at a cursor."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from ..console import note, print_json, write
from .opened import fresh_engine
from .options import Codec, Json, Model, Repo, overrides


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
    from ..cursor import parse_place
    from ..events import FocusChange, Token, Usage

    at = parse_place(place)
    text, entries = "", []
    usage: Usage | None = None
    with fresh_engine(
        repo, overrides(model__name=model, focus__codec=codec), quiet=as_json
    ) as engine:
        for event in engine.complete(at):
            match event:
                case FocusChange():
                    entries = [asdict(entry) for entry in event.entries]
                case Token():
                    text += event.text
                    if not as_json:
                        write(event.text)
                case Usage():
                    usage = event
    assert usage is not None, "every answer ends with its usage"
    if as_json:
        result: dict[str, Any] = {
            "text": text,
            "ms": usage.ms,
            "positions": usage.positions,
            "reused": usage.reused,
            "entries": entries,
        }
        print_json(result)
    else:
        write("\n")
        note(
            f"{usage.model}: {usage.positions:,} positions, {usage.generated} tokens, {usage.ms:.0f} ms"
        )
