"""`megacontext ask`: answer a question from the repository's memory."""

from typing import TYPE_CHECKING, Annotated

import typer

from ..console import note, print_json, say, write
from .opened import fresh_engine
from .options import Codec, Json, Model, Repo, overrides

if TYPE_CHECKING:
    from ..engine import Engine
    from ..events import Event

SHOWN_SPANS = 5
SHOWN_LINES = 12
STANDINGS = {
    "read": "cited, and read by the model",
    "unread": "cited, but not among what the model has read",
    "invented": "cited, but there is no such place",
}


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    budget: Annotated[
        int | None,
        typer.Option(
            "--budget", metavar="N", help="Positions of memory to read. Default: focus.budget."
        ),
    ] = None,
    spans: Annotated[
        int,
        typer.Option("--spans", metavar="N", min=1, help="Places to show without a chat model."),
    ] = SHOWN_SPANS,
    codec: Codec = None,
    repo: Repo = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Answer a question, naming the places it rests on as path:line."""
    flags = overrides(model__name=model, focus__budget=budget, focus__codec=codec)
    with fresh_engine(repo, flags, quiet=as_json) as engine:
        if as_json:
            for event in engine.ask(question):
                print_json(event.as_json())
        else:
            answer(engine, question, spans)


def answer(engine: "Engine", question: str, spans: int = SHOWN_SPANS) -> None:
    """Print an answer for a person as it comes, with at most so many cited spans."""
    from ..events import Cited, Token

    shown, talking = 0, False
    for event in engine.ask(question):
        if talking and not isinstance(event, Token):
            say()
        talking = isinstance(event, Token)
        shown += isinstance(event, Cited)
        if not isinstance(event, Cited) or shown <= spans:
            _show(event)
    if shown > spans:
        say(f"{shown - spans} more with `megacontext ask --spans {shown}`")


def _show(event: "Event") -> None:
    from megacontext.memory.packs.pack_memory import Provenance

    from ..events import Citation, Cited, FocusChange, Notice, Token, Usage

    match event:
        case FocusChange():
            whose = "" if event.source == "repository" else f" of {event.source}"
            cost = f"{event.total_cost:,} of {event.budget:,}"
            note(f"focus: {len(event.entries)} entries{whose}, {cost} positions")
        case Notice():
            note(event.text)
        case Token():
            write(event.text)
        case Cited():
            say(f"\n{event.path}:{event.start_line}-{event.end_line}  ({'; '.join(event.reasons)})")
            if event.provenance is not None:
                say(f"    [{Provenance(**event.provenance).line}]")
            lines = event.text.rstrip().split("\n")
            for line in lines[:SHOWN_LINES]:
                say(f"    {line}")
            if len(lines) > SHOWN_LINES:
                say(f"    … {len(lines) - SHOWN_LINES} more lines")
        case Citation():
            note(f"{event.path}:{event.start_line}-{event.end_line}: {STANDINGS[event.standing]}")
        case Usage():
            note(
                f"{event.model}: {event.positions:,} positions ({event.reused:,} reused), {event.generated} tokens"
            )
