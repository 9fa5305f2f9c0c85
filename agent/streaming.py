"""From what a model generates to events: tokens as they come, and what the answer took. Knows no memory."""

import time
from collections.abc import Iterator

from megacontext.models.base import BaseModel, Cancel, Piece, Prompt, Sampling
from megacontext.models.base import Usage as ModelUsage

from .completing.shape import Shape
from .events import Event, Token, Usage


def stream(
    model: BaseModel,
    prompt: Prompt,
    sampling: Sampling,
    cancel: Cancel | None,
    started: float,
    shape: Shape | None = None,
) -> Iterator[Event]:
    """Stream an answer as Token …, Usage; what `shape` does not keep of it is left out, and ends it.

    `started` is the `time.perf_counter` at which somebody began to wait.
    """
    until = cancel if shape is None else _Until(cancel, shape)
    logprobs: list[float] = []
    for event in model.generate(prompt, sampling, until):
        if isinstance(event, Piece):
            logprobs += event.logprobs
            if text := shape.push(event.text) if shape else event.text:
                yield Token(text)
        elif isinstance(event, ModelUsage):
            ended = shape is not None and shape.over
            if rest := shape.finish() if shape else "":
                yield Token(rest)
            yield Usage(
                model=model.name,
                positions=event.positions,
                reused=event.reused,
                generated=event.generated,
                stop_reason="stop" if ended else event.stop_reason,
                ms=round((time.perf_counter() - started) * 1000, 1),
                mean_logprob=round(sum(logprobs) / len(logprobs), 4) if logprobs else None,
            )


class _Until:
    """Set when an answer is no longer wanted, or nothing more of it would stay."""

    def __init__(self, cancel: Cancel | None, shape: Shape) -> None:
        self._cancel = cancel
        self._shape = shape

    def is_set(self) -> bool:
        return self._shape.over or (self._cancel is not None and self._cancel.is_set())
