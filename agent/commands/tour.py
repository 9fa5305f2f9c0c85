"""`megacontext tour`: index a repository, say what there is, then answer questions about it."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from megacontext.configs.errors import MegaContextError

from ..console import note, say
from .ask import answer
from .complete import continuation
from .opened import fresh_engine
from .options import Model, overrides

if TYPE_CHECKING:
    from ..engine import Engine
    from ..example import Example

EXAMPLE_SPANS = 2
LEAVING = frozenset({"q", "quit", "exit"})


def tour(
    repo: Annotated[
        Path | None, typer.Argument(help="The repository. Default: the enclosing one.")
    ] = None,
    model: Model = None,
) -> None:
    """Index a repository and answer questions about it; without a terminal, answer one example."""
    from ..example import example_of

    with fresh_engine(repo, overrides(model__name=model), quiet=False) as engine:
        example = example_of(engine.memory.catalogue)
        _introduce(engine, example)
        if sys.stdin.isatty():
            _converse(engine)
        else:
            say(f"\n> {example.question}")
            answer(engine, example.question, EXAMPLE_SPANS)


def _introduce(engine: "Engine", example: "Example") -> None:
    counts, choice = engine.memory.catalogue.counts(), engine.workplace.choice
    say(
        f"{engine.name}: {counts['files']:,} files as {engine.memory.tokens:,} tokens in memory, "
        f"of which a model reads the {engine.settings.focus.budget:,} that matter most."
    )
    say(f"Model: {choice.reasons[0] if choice else f'{engine.model_name}, set as model.remote'}.")
    say(
        f"{engine.model_name} answers questions and completes code."
        if engine.can_chat
        else f"{engine.model_name} completes code. It does not chat: a question is answered with "
        "the places that answer it best."
    )
    say(f"Ask a question:      {example.question}")
    if example.place:
        say(f"Complete at a place: {example.place}")
    say("Leave:               q")


def _converse(engine: "Engine") -> None:
    with suppress(ImportError):
        import readline  # noqa: F401  gives `input` its line editing
    while (line := _next_line()) is not None:
        try:
            if line:
                _reply(engine, line)
        except MegaContextError as exc:
            note(f"error: {exc}")
        except KeyboardInterrupt:
            note("stopped")


def _next_line() -> str | None:
    try:
        line = input("\n> ").strip()
    except (EOFError, KeyboardInterrupt):
        say()
        return None
    return None if line in LEAVING else line


def _reply(engine: "Engine", line: str) -> None:
    from ..cursor import PLACE, parse_place

    engine.refresh()
    if PLACE.fullmatch(line) and engine.memory.catalogue.file(parse_place(line).path):
        continuation(engine, parse_place(line))
    else:
        answer(engine, line)
