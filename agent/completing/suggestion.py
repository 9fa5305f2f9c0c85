"""A completion as an editor shows it unasked: all of it or nothing. Knows no protocol."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from megacontext.memory.focus import Position
from megacontext.models.base import Cancel

from ..engine import Engine
from ..events import Token, Usage


@dataclass(frozen=True)
class Suggestion:
    """What could stand at a cursor."""

    text: str
    """"" where nothing is better than what came."""
    ms: float
    """Time that memory and model took, in milliseconds."""


def suggest(
    engine: Engine,
    at: Position,
    text: str,
    cancel: Cancel,
    on_text: Callable[[str], None] = lambda _: None,
) -> Suggestion:
    """The completion of a text at a cursor, if the model is as sure as settings want it.

    `on_text` gets all that is generated so far, as it comes. Raises as `Engine.complete` does.
    """
    made, usage = "", None
    for event in engine.complete(at, cancel, text=text):
        if isinstance(event, Token):
            made += event.text
            on_text(made)
        elif isinstance(event, Usage):
            usage = event
    if usage is None or usage.stop_reason == "cancelled":
        return Suggestion("", 0.0)
    sure = usage.mean_logprob is None or (
        math.exp(usage.mean_logprob) >= engine.settings.complete.confidence
    )
    return Suggestion(made if sure and made.strip() else "", usage.ms)
