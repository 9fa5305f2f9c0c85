"""What a model makes of a prompt at a spot, and what it loses on the true text there. Knows no way of choosing."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from megacontext.models.base import Fill, Piece, Prompt, Sampling, Segment, Usage
from megacontext.models.language.transformers_model import TransformersModel

from ...prompts import completion_prompt
from ..measuring import Measurer
from .arms.arm import Ask, Context


@dataclass(frozen=True)
class Made:
    """What a model made of a prompt."""

    text: str
    positions: int
    """Of the prompt."""
    reused: int
    """Of them that came from the KV cache."""
    ms: float


class Completer:
    """One model, and what it is measured by."""

    def __init__(self, model: TransformersModel, measurer: Measurer) -> None:
        self.model = model
        self.measurer = measurer

    def prompt(self, ask: Ask, context: Context) -> Prompt:
        """What the model reads: as in a completion."""
        return completion_prompt(self.model, ask.repository.name, context.segments, ask.cursor)

    def nats(
        self, ask: Ask, contexts: Sequence[Context], true: str, longest: int | None = None
    ) -> list[float]:
        """What the model loses on a true text behind each context, a token; at most on its first `longest`."""
        targets = self.model.encode(true)[:longest]
        prompts = [_segments(self.prompt(ask, context)) for context in contexts]
        losses = self.measurer.losses(prompts, targets)
        return [float(loss) / len(targets) for loss in losses]

    def made(
        self, prompt: Prompt, longest: int, *, line: bool = True, names: tuple[str, ...] = ()
    ) -> Made:
        """What the model goes on with, greedily; at most one line, unless told otherwise. `names`: see `Sampling`."""
        sampling = Sampling(
            max_new_tokens=longest,
            stop=("\n",) if line else (),
            stop_token_ids=tuple(sorted(self.model.specials.known())),
            heal=True,
            names=names,
        )
        started = time.perf_counter()
        text, usage = "", None
        for event in self.model.generate(prompt, sampling):
            if isinstance(event, Piece):
                text += event.text
            elif isinstance(event, Usage):
                usage = event
        assert usage is not None, "a generation ends with its usage"
        ms = 1000 * (time.perf_counter() - started)
        return Made(text, usage.positions, usage.reused, ms)


def _segments(prompt: Prompt) -> Sequence[Segment]:
    if isinstance(prompt, Fill):
        return prompt.segments()
    assert isinstance(prompt, list), "a completion is made of segments"
    return prompt
