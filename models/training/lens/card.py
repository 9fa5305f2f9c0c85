"""The card of a LensNet, written from what was measured. Knows facts, computes nothing."""

from dataclasses import dataclass

from ...lens.files import lens_id
from ...lens.snapshots import Manifest
from ...lensnet import LensNet

CARD = """\
# LensNet

Says of each entry of a working context what its detail is worth for a query: signed, above 0 worth its positions. It
reads gists and {features} features; a gist is one vector of {gist_width} numbers. Trained by this project.

| | |
|---|---|
| identity | `{lens}` |
| for GistNet | `{encoder}` |
| for base | `{base}` |
| shape | width {width}, {heads} heads, {layers} layers{variant} |
| parameters | {parameters:,}, in float32 |
| trained | {steps:,} steps on {count:,} snapshots, {hours:.2f} hours |
| commit | `{commit}` |

A snapshot is a real editing position in a real repository, with the measured loss of the base over the next
{targets} tokens with and without the detail of each entry. They are from {repositories}.

## What it showed

On repositories among them that were kept from training; at the start it is the feature scorer:

| | at the start | trained |
|---|---|---|
| Spearman of score and gain | {fresh_spearman:.3f} | {spearman:.3f} |
| regret, with gains taken to add up | {fresh_regret:.3f} | {regret:.3f} |

## Again

```
megacontext train lensnet --config configs/runs/{run}.yaml
megacontext train lensnet --config configs/runs/{run}.yaml --export FOLDER
```
"""


@dataclass(frozen=True)
class Origin:
    """How far a run had come, and with which code."""

    run: str
    steps: int
    hours: float
    commit: str


def lensnet_card(
    lensnet: LensNet, facts: Manifest, measured: dict[str, float], origin: Origin
) -> str:
    """The card as Markdown; `measured` is what the task measures."""
    config = lensnet.config
    variants = {
        "no features": not config.features,
        "no query": not config.query,
        f"{config.latents} latents": config.latents > 0,
        "slots compete": config.competition,
    }
    return CARD.format(
        features=len(config.feature_names),
        gist_width=config.gist_width,
        lens=lens_id(lensnet),
        encoder=config.encoder_id,
        base=config.base_id,
        width=config.width,
        heads=config.heads,
        layers=config.layers,
        variant="".join(f", {name}" for name, is_on in variants.items() if is_on),
        parameters=sum(parameter.numel() for parameter in lensnet.parameters()),
        steps=origin.steps,
        count=facts.count,
        hours=origin.hours,
        commit=origin.commit,
        targets=facts.targets,
        repositories=", ".join(f"{name} {at}" for name, at in sorted(facts.repositories.items())),
        run=origin.run,
        **measured,
    )
