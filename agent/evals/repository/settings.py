"""What the repository tasks are made of. Knows the shape of a YAML file, reads no package."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1)]
Kind = Literal["lines", "edits", "needles", "bodies"]
KINDS: tuple[Kind, ...] = ("lines", "edits", "needles", "bodies")


class Strict(BaseModel):
    """Frozen, and a key that nobody reads is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PackageSettings(Strict):
    """One package as its source distribution has it."""

    name: str
    skip: tuple[str, ...] = ()
    """Files whose path (with a leading slash) contains one of these strings are not in the repository."""
    tests: tuple[str, ...] = ()
    """Arguments of pytest that run its tests from its folder; none where they cannot run alone."""


class LineSettings(Strict):
    """Lines to complete that use a definition of another file."""

    count: Count = 140
    per_file: Count = 4
    longest: Count = 48
    """Tokens of what is to be completed, at most; no more are generated."""


class EditSettings(Strict):
    """Edits in one file, each with a line in another that uses what was edited."""

    count: Count = 70
    per_file: Count = 2


class NeedleSettings(Strict):
    """Functions that are described and to be found."""

    count: Count = 140
    words: Count = 10
    """The least a description has."""
    at: tuple[Count, ...] = (1, 5, 10)
    budget: Count = 1024
    """Positions of the working context whose entries are the answer of a focus."""


class BodySettings(Strict):
    """Function bodies, judged by the package's own tests."""

    count: Count = 30
    lines: tuple[Count, Count] = (2, 8)
    """The least and the most a body has."""
    longest: Count = 128
    """Tokens that are generated, at most."""
    seconds: Count = 60
    """Time of one run of a package's tests, at most."""


class RepositorySettings(Strict):
    """`megacontext eval repository`."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    seed: int = 0
    corpus: Path
    """Settings of the corpus, beside this file or relative to it: it pins versions, and says which packages were
    never trained on; only those may be named here."""
    packages: tuple[PackageSettings, ...] = Field(min_length=1)
    budgets: tuple[Count, ...] = (256, 512)
    """Positions that memory may take."""
    tail: Count = 128
    """Tokens before the cursor that every prompt holds, at most."""
    slots: Literal[1, 2, 4, 8] = 4
    """Vectors with which a block's gist is read."""
    candidates: Count = 24
    """Passages, the best by BM25, that are ranked by how well they explain the text at the cursor."""
    lines: LineSettings = LineSettings()
    edits: EditSettings = EditSettings()
    needles: NeedleSettings = NeedleSettings()
    bodies: BodySettings = BodySettings()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [package.name for package in self.packages]
        if len(set(names)) < len(names):
            raise ValueError(f"packages are named twice: {', '.join(names)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Of all packages, in order."""
        return tuple(package.name for package in self.packages)
