"""What snapshots are made of and what is measured on them. Knows the shape of two YAML files, reads no repository."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from megacontext.models.training.corpus.settings import PackageSource

from ..pinned import Split, packages_of

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Strict(BaseModel):
    """Frozen, and a key that nobody reads is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PlaceSettings(Strict):
    """Where cursors stand."""

    tail: Count = 64
    """Tokens right before the cursor that every prompt holds verbatim."""
    targets: Count = 64
    """Tokens behind the cursor that are predicted (H)."""
    per_file: Count = 4
    """At most so many cursors in a file."""
    need_share: Share = 0.75
    """Share of cursors whose targets use a definition of another file."""


class DrawSettings(Strict):
    """How working contexts are drawn."""

    entries: tuple[Count, Count] = (16, 48)
    """The least and the most entries; how many is drawn."""
    budget: tuple[Count, Count] = (320, 640)
    """Positions of the context, from … to."""
    slots: Literal[1, 2, 4, 8] = 4
    """Vectors with which a block's gist is read."""
    noise: Annotated[float, Field(ge=0)] = 0.3
    """Spread of what is added to feature scores, so that the choice is not always a good one."""
    strangers: Share = 0.25
    """Share of chunks taken from anywhere in the repository."""
    opened: Share = 0.2
    """Share of chunks whose blocks are entries of their own; other chunks are one entry."""
    longest: Count = 8
    """Blocks of a chunk, at most: its detail has to fit a window."""
    detailed: tuple[Share, Share] = (0.5, 0.5)
    """The least and the most of the entries that are in detail, as a share that is drawn; fewer if the budget is."""


class SourceSettings(Strict):
    """Repositories and positions, for training and for evaluation alike."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    seed: int = 0
    corpus: Path
    """Settings of the corpus whose packages these are, beside this file or relative to it: it pins their
    versions, and says which were never trained on."""
    split: Split
    repositories: tuple[str, ...] = Field(min_length=1)
    """Names of packages."""
    snapshots: Count
    places: PlaceSettings = PlaceSettings()
    draw: DrawSettings = DrawSettings()


class StabilitySettings(Strict):
    """How still a focus stays while a cursor moves."""

    files: Count = 12
    steps: Count = 16
    """Blocks that the cursor moves on in each file."""
    budget: Count = 512
    codec: Literal["text", "gist"] = "text"
    entries: Count = 2048
    """Entries that are scored at once where time is measured."""
    rounds: Count = 25
    """Times that is done."""


class RecallSettings(Strict):
    """How well coarse gists lead to the file that a cursor needs."""

    places: Count = 400
    per_file: Count = 8
    at: tuple[Count, ...] = (1, 5, 10)


class EvaluationSettings(SourceSettings):
    """`megacontext eval lens`."""

    budgets: tuple[Count, ...] = (128, 256, 512)
    """Positions that detail may take beyond the context without any."""
    remeasured: Count = 3
    """Steps of the oracle after which the entries that help are measured again."""
    precision_at: Count = 5
    stability: StabilitySettings = StabilitySettings()
    recall: RecallSettings = RecallSettings()


def pinned(settings: SourceSettings, file: Path) -> list[PackageSource]:
    """The packages that settings read from `file` name, with the versions that their corpus pins.

    Raises SettingsError for a package that is not in that split of the corpus: nothing is evaluated on what was
    trained on, nor trained on what is held out.
    """
    return packages_of(settings.repositories, settings.corpus, settings.split, file)
