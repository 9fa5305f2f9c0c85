"""What `megacontext eval packs` is made of. Knows the shape of a YAML file, reads no package."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from megacontext.configs.errors import SettingsError
from megacontext.models.training.corpus.settings import CorpusSettings, PackageSource, read_yaml

from ..repository.settings import Count, Strict

Kind = Literal["questions", "calls"]
KINDS: tuple[Kind, ...] = ("questions", "calls")


class QuestionSettings(Strict):
    """Definitions of frameworks that are described and to be found."""

    count: Count = 120
    words: Count = 10
    """The least a description has."""
    at: tuple[Count, ...] = (1, 5, 10)
    budgets: tuple[Count, ...] = (512, 1024)
    """Positions of a working context."""


class CallSettings(Strict):
    """Calls to frameworks that are completed."""

    count: Count = 120
    per_file: Count = 6
    longest: Count = 48
    """Tokens of what is to be completed, at most; no more are generated."""
    budgets: tuple[Count, ...] = (256, 512)
    """Positions that memory may take."""
    tail: Count = 128
    """Tokens before the cursor that every prompt holds, at most."""


class StandSettings(Strict):
    """A repository, and the frameworks whose packs are mounted beside it; of all, the source distributions."""

    repository: PackageSource
    frameworks: tuple[PackageSource, ...] = Field(min_length=1)


class PackSettings(Strict):
    """`megacontext eval packs`."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    seed: int = 0
    corpus: Path
    """Settings of the corpus, beside this file or relative to it: what it trains on may not be measured with."""
    stands: tuple[StandSettings, ...] = Field(min_length=1)
    questions: QuestionSettings = QuestionSettings()
    calls: CallSettings = CallSettings()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [stand.repository.name for stand in self.stands]
        if len(set(names)) < len(names):
            raise ValueError(f"repositories are named twice: {', '.join(names)}")
        return self

    @property
    def packages(self) -> tuple[PackageSource, ...]:
        """All that have to be had."""
        return tuple(
            each for stand in self.stands for each in (stand.repository, *stand.frameworks)
        )


def check_untrained(settings: PackSettings, file: Path) -> None:
    """Raise SettingsError where the settings that `file` holds name a package that models were trained on."""
    corpus = read_yaml(file.parent / settings.corpus, CorpusSettings)
    trained = {plain(package.name) for package in corpus.packages}
    for package in settings.packages:
        if plain(package.name) in trained:
            raise SettingsError(
                f"{file}: {package.name} is among the packages that {settings.corpus} trains on; name one that is not"
            )


def plain(name: str) -> str:
    """A package's name as indexes compare it."""
    return name.lower().replace("_", "-").replace(".", "-")
