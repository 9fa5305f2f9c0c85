"""Small LensNets with weights that are not those of the start, and things for them to score."""

import torch

from megacontext.models.lensnet import Asked, Entries, LensNet, LensNetConfig

NAMES = ("bm25", "near", "level")
WIDTH = 16


def config(**changes) -> LensNetConfig:
    values = {
        "base_id": "b1",
        "encoder_id": "e1",
        "gist_width": WIDTH,
        "feature_names": NAMES,
        "feature_weights": {"bm25": 1.0, "near": 0.5},
        "width": 8,
        "heads": 2,
        "seed": 5,
    }
    return LensNetConfig(**values | changes)


def stirred(**changes) -> LensNet:
    """A net as training would leave it: nothing is zero any more."""
    net = LensNet(config(**changes))
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=random))
    return net.eval()


def some_entries(count: int, batch: int = 1, seed: int = 0) -> Entries:
    random = torch.Generator().manual_seed(seed)
    return Entries(
        gists=torch.randn(batch, count, WIDTH, generator=random),
        features=torch.rand(batch, count, len(NAMES), generator=random),
        present=torch.ones(batch, count, dtype=torch.bool),
    )


def some_query(count: int, batch: int = 1, seed: int = 100) -> Asked:
    random = torch.Generator().manual_seed(seed)
    gists = torch.randn(batch, count, WIDTH, generator=random)
    return Asked(gists, torch.ones(batch, count, dtype=torch.bool))
