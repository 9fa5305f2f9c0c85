"""One token from one row of logits: greedy, or drawn with temperature, top-k and top-p."""

from collections.abc import Sequence

import torch

from ..base import Sampling
from .guiding import NameGuide


class Sampler:
    """Draws tokens; equal seeds and logits give equal tokens, on every device."""

    def __init__(
        self, sampling: Sampling, first: Sequence[int] = (), guide: NameGuide | None = None
    ) -> None:
        """`first`: the only tokens that the first draw may give; any where there are none. `guide` says it of all."""
        self._sampling = sampling
        self._first = list(first)
        self._guide = guide
        self._random = torch.Generator().manual_seed(sampling.seed)

    def draw(self, logits: torch.Tensor) -> tuple[int, float]:
        """A token and its log-probability at temperature 1.

        `logits` is one row `[vocabulary]`. The log-probability is NaN if no logit is finite.
        """
        scores = logits.float()
        if allowed := self._allowed():
            masked = torch.full_like(scores, -torch.inf)
            masked[allowed] = scores[allowed]
            scores = masked
        total = torch.logsumexp(scores, dim=-1)
        chosen = scores.argmax() if self._sampling.temperature == 0 else self._sample(scores)
        logprob = scores[chosen] - total
        if self._guide is not None:
            self._guide.take(int(chosen))
        return int(chosen), float(logprob)

    def _allowed(self) -> list[int]:
        """The only tokens that may be drawn now; none where any may."""
        guided = self._guide.allowed() if self._guide is not None else []
        first, self._first = self._first, []
        return guided or first

    def _sample(self, scores: torch.Tensor) -> torch.Tensor:
        limit = self._sampling.top_k or scores.shape[-1]
        kept, tokens = torch.topk(scores.cpu(), min(limit, scores.shape[-1]))
        chances = torch.softmax(kept / self._sampling.temperature, dim=-1)
        if self._sampling.top_p < 1:
            # Nucleus sampling (Holtzman et al. 2020): the smallest head of the sorted
            # distribution that holds top_p; its first token always stays.
            before = chances.cumsum(-1) - chances
            chances = chances.masked_fill(before >= self._sampling.top_p, 0.0)
        if not torch.isfinite(chances).all():
            return tokens[0]
        return tokens[torch.multinomial(chances, 1, generator=self._random)[0]]
