"""Packages by name, at the versions that a corpus pins. Reads one YAML file, fetches nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from megacontext.configs.errors import SettingsError
from megacontext.models.training.corpus.settings import (
    CorpusSettings,
    PackageSource,
    read_yaml,
)

Split = Literal["train", "held_out"]


def packages_of(
    names: Sequence[str], corpus: Path, split: Split, file: Path
) -> list[PackageSource]:
    """The packages of these names in one split of `corpus`, whose path is relative to the settings in `file`.

    Raises SettingsError for a package that is not in that split.
    """
    settings = read_yaml(file.parent / corpus, CorpusSettings)
    packages = settings.packages if split == "train" else settings.held_out
    known = {package.name: package for package in packages}
    if missing := [name for name in names if name not in known]:
        raise SettingsError(
            f"{file}: {missing[0]} is not among the {split} packages of {corpus}; "
            f"allowed are {', '.join(known)}"
        )
    return [known[name] for name in names]
