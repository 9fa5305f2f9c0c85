"""A trained GistNet as files that ship: rounded, with the base it was trained along, and a card.

Knows a learner and folders; no training.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ...gist.base_identity import identify_base
from ...gist.files import encoder_id, save_gistnet
from ...language.tokenizing import TextTokenizer
from .gate import Verdict
from .learner import GistLearner
from .settings import GistRunSettings

CARD = """\
# GistNet of {base}

Turns 32 tokens into 8 nested vectors that {base} reads in place of them: the first 1, 2, 4 or 8, at 32, 16, 8 or
4 tokens a position. Trained by this project; {manner}.

| | |
|---|---|
| encoder | `{encoder}` |
| base | `{base_id}` |
| shape | {layers} layers of the base's shape, bottleneck {bottleneck} |
| parameters | {parameters:,}, in bfloat16 |
| trained | {steps:,} steps, {tokens:,} tokens, {hours:.2f} hours |
| commit | `{commit}` |

## What it showed

Context-gap recovery (the share of what context is worth that comes back) on {windows} held-out windows, all replaced
text before a segment read as gists; right before the targets, and behind a verbatim tail of 64 tokens:

| tokens a position | right before | behind a tail |
|---|---|---|
{recovery}

Said again from 8 slots: {identifiers:.1%} of a block's identifiers, {said_again:.1%} of its tokens in their places.
Spread {spread:.2f} of the embeddings' variance; {collisions:.2%} of different blocks share a gist.

## Again

```
megacontext train gistnet --config configs/runs/{run}.yaml
megacontext train gistnet --config configs/runs/{run}.yaml --export models/{base}
```
"""


@dataclass(frozen=True)
class Origin:
    """How far a run had come, and with which code."""

    steps: int
    tokens: int
    hours: float
    commit: str


def rounded(learner: GistLearner) -> None:
    """Give GistNet the values that bfloat16 files hold, in place."""
    with torch.no_grad():
        for parameter in learner.gistnet.parameters():
            parameter.copy_(parameter.bfloat16().float())


def fit_to_base(learner: GistLearner, name: str, tokenizer: TextTokenizer) -> None:
    """Note in GistNet's configuration the base as it is now."""
    identity = identify_base(learner.base, name, tokenizer.fingerprint)
    gistnet = learner.gistnet
    gistnet.config = gistnet.config.model_copy(update={"base": identity})


def write_gistnet(learner: GistLearner, out: Path) -> str:
    """Write GistNet's files to `out` in bfloat16; return its encoder id."""
    save_gistnet(learner.gistnet, out, torch.bfloat16)
    return encoder_id(learner.gistnet)


def gistnet_card(
    learner: GistLearner, settings: GistRunSettings, verdict: Verdict, origin: Origin
) -> str:
    """The card as Markdown, from what was measured."""
    gistnet, measured = learner.gistnet, verdict.measured
    config = gistnet.config
    manner = (
        "the base learned along to read it (gist-native)"
        if settings.train_base
        else "the base stayed as it was"
    )
    facts: dict[str, Any] = {
        "base": config.base.name,
        "manner": manner,
        "encoder": encoder_id(gistnet),
        "base_id": config.base.base_id,
        "layers": config.layers,
        "bottleneck": config.bottleneck,
        "parameters": sum(p.numel() for p in gistnet.parameters()),
        "windows": settings.evaluation.windows,
        "recovery": "\n".join(_recovery(measured, config.block_size, settings.view.slots)),
        "run": settings.name,
    }
    return CARD.format(**facts, **measured, **vars(origin))


def _recovery(measured: dict[str, float], block_size: int, slots: tuple[int, ...]) -> list[str]:
    ratios = [block_size // count for count in slots]
    return [
        f"| {ratio} | {measured[f'right_before_{ratio}x']:.1%} | "
        f"{measured[f'behind_tail_{ratio}x']:.1%} |"
        for ratio in ratios
    ]
