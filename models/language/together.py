"""Many prompts answered at once where the model allows it, else one after the other. Knows no reason for asking.

Rows of one batch are read with padding on the left, which the attention mask hides and the position numbers leave out,
so that each is what it would be alone, but for rounding. Each row draws with its own seed.
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from megacontext.configs.errors import ModelError

from ..base import BaseModel, Piece, Prompt, Sampling

if TYPE_CHECKING:
    import torch

    from .transformers_model import TransformersModel


def answers(
    model: BaseModel, prompts: Sequence[Prompt], samplings: Sequence[Sampling], rows: int
) -> list[str]:
    """The text of each answer; at most `rows` prompts are read together.

    Raises ModelError for a prompt that the model cannot take, as `generate` does.
    """
    from .transformers_model import TransformersModel

    pairs = list(zip(prompts, samplings, strict=True))
    if not isinstance(model, TransformersModel) or rows == 1:
        return [_alone(model, *each) for each in pairs]
    found: list[str] = []
    for start in range(0, len(pairs), rows):
        found += _Batch(model, pairs[start : start + rows]).answers()
    return found


def _alone(model: BaseModel, prompt: Prompt, sampling: Sampling) -> str:
    events = model.generate(prompt, sampling)
    return "".join(each.text for each in events if isinstance(each, Piece))


class _Batch:
    """One batch, from the prompts to the last token of the longest answer."""

    def __init__(
        self, model: "TransformersModel", pairs: Sequence[tuple[Prompt, Sampling]]
    ) -> None:
        self._model = model
        self._rows = [_Row(model, *each) for each in pairs]

    def answers(self) -> list[str]:
        import torch

        with self._model._lock, torch.inference_mode():
            try:
                self._run()
            except torch.OutOfMemoryError as exc:
                raise ModelError(
                    f"{self._model.name} ran out of memory with {len(self._rows)} prompts at once; "
                    "read fewer together, or choose a smaller model"
                ) from exc
        return [row.text for row in self._rows]

    def _run(self) -> None:
        import torch

        open_rows = list(self._rows)
        ids, mask = self._padded()
        at = (mask.cumsum(-1) - 1).clamp(min=0)
        states: Any = None
        while True:
            output = self._model.module(
                input_ids=ids,
                attention_mask=mask,
                position_ids=at,
                past_key_values=states,
                use_cache=True,
                logits_to_keep=1,
            )
            states = output.past_key_values
            for row, logits in zip(open_rows, output.logits[:, -1], strict=True):
                row.read(logits)
            kept = [number for number, row in enumerate(open_rows) if row.next is not None]
            if not kept:
                return
            if len(kept) < len(open_rows):
                chosen = torch.tensor(kept, device=mask.device)
                states.batch_select_indices(chosen)
                open_rows, mask, at = [open_rows[each] for each in kept], mask[chosen], at[chosen]
            ids = torch.tensor([[row.next] for row in open_rows], device=mask.device)
            mask = torch.cat([mask, mask.new_ones(len(kept), 1)], dim=-1)
            at = at[:, -1:] + 1

    def _padded(self) -> tuple["torch.Tensor", "torch.Tensor"]:
        """Token ids and mask, [rows, longest]."""
        import torch

        longest = max(len(row.prompt) for row in self._rows)
        lines = [[0] * (longest - len(row.prompt)) + row.prompt for row in self._rows]
        masks = [[0] * (longest - len(row.prompt)) + [1] * len(row.prompt) for row in self._rows]
        device = self._model.device
        return torch.tensor(lines, device=device), torch.tensor(masks, device=device)


class _Row:
    """One prompt and the answer to it."""

    def __init__(self, model: "TransformersModel", prompt: Prompt, sampling: Sampling) -> None:
        from .streaming import PieceMaker

        positions = model._lay_out(prompt)
        keys = positions.keys
        model._check_length(len(keys))
        room = min(sampling.max_new_tokens, model.context_length - len(keys))
        healing = model._healed(prompt, positions, sampling)
        self.prompt = [key for key in keys if isinstance(key, int)]
        if len(self.prompt) < len(keys):
            raise ModelError("prompts with vectors are answered one by one; read 1 together")
        self.text = ""
        self.next: int | None = None
        """The token to go on from; None when the answer is complete."""
        self._left = room + healing.tokens
        self._stops = model._stops | set(sampling.stop_token_ids)
        self._sampler = model._sampler(sampling, healing)
        self._pieces = PieceMaker(model.decode, sampling.stop, healing.skip)

    def read(self, logits: "torch.Tensor") -> None:
        """Draw the next token from a row of logits `[vocabulary]`."""
        token, logprob = self._sampler.draw(logits)
        if math.isnan(logprob):
            raise ModelError("the model gave scores that are no numbers; try another precision")
        self.next = None
        if token not in self._stops:
            self._left -= 1
            if piece := self._pieces.push(token, logprob):
                self.text += piece.text
            if self._left and not self._pieces.stopped:
                self.next = token
        if self.next is None and (piece := self._pieces.flush()):
            self.text += piece.text
