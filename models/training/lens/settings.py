"""Settings of a LensNet run, as `configs/runs/lensnet_*.yaml` gives them. Reads no data."""

from typing import Annotated, ClassVar

from pydantic import Field

from ..corpus.settings import Strict
from ..settings import LoopSettings, Positive

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]


class LensSettings(Strict):
    """The shape of LensNet beyond what the dataset decides; see `LensNetConfig`."""

    width: Positive = 64
    heads: Positive = 4
    layers: Positive = 1
    query_positions: Positive = 16
    features: bool = True
    query: bool = True
    latents: Annotated[int, Field(ge=0)] = 0
    competition: bool = False
    feature_weights: dict[str, float] = Field(default_factory=dict)
    """What it starts from."""
    minimum: float = 0.05


class WorthSettings(Strict):
    """What a score stands for: `squash(gain − price · positions)`, `squash(x) = sign(x) · log1p(|x| / unit)`."""

    price: Weight = 0.0005
    """Nats over the targets that a position must save for detail to be worth it."""
    unit: Annotated[float, Field(gt=0)] = 0.1
    """Nats: gains well above it count by their logarithm, those below by themselves."""


class TermSettings(Strict):
    """How much each part of the loss counts; 0 leaves it out."""

    regression: Weight = 1.0
    """Distance from the worth (Huber)."""
    ranking: Weight = 1.0
    """Pairs of a snapshot in the wrong order, by how much their worth differs."""
    budget: Weight = 0.1
    """What a soft choice of all scores above 0 forgoes, and what it spends over the budget."""


class CurriculumSettings(Strict):
    """What comes first: few entries, and pairs that differ much."""

    opening: Share = 0.3
    """Share of the budget after which all entries and all pairs count."""
    first_entries: Positive = 8
    first_difference: Weight = 1.0
    """In units of worth."""


class LensRunSettings(LoopSettings):
    """One run of `megacontext train lensnet`; a row of its batches is a snapshot."""

    FIXED: ClassVar[tuple[str, ...]] = (
        "dataset",
        "seed",
        "lens",
        "worth",
        "terms",
        "curriculum",
        "drop_gists",
        "validation_share",
        "optimizer",
        "batch",
    )

    dataset: str
    """Name of a folder of snapshots under `lens` of the data folder."""
    lens: LensSettings = LensSettings()
    worth: WorthSettings = WorthSettings()
    terms: TermSettings = TermSettings()
    curriculum: CurriculumSettings = CurriculumSettings()
    drop_gists: Share = 0.1
    """Share of entries that are shown without their gist, as where it is not made yet."""
    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the repositories, at least one, that is kept from training to measure on."""
