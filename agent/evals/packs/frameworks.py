"""Frameworks as their source distributions have them, made into packs and mounted. Knows no task and no arm."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from megacontext.memory.packs.building import Identity, SourceFile
from megacontext.memory.packs.mounts import Mount, mount, mounts_of, unmount
from megacontext.memory.packs.store import Consent
from megacontext.models.training.corpus.settings import PackageSource

from ...opening import Workplace
from ...packs.making import make_pack, take_in
from ...packs.origins import PINNED, Gathered
from ..repositories import WRITTEN_AT
from ..repository.sdists import source_files

TEXTS = frozenset({".py", ".pyi", ".md", ".rst", ".txt"})
"""Files that a framework is known by."""


@dataclass(frozen=True)
class Framework:
    """The texts of one version of a package."""

    source: PackageSource
    texts: Mapping[str, str] = field(repr=False)
    """By path."""

    @classmethod
    def of(cls, source: PackageSource, archive: Path) -> "Framework":
        """What an archive holds of it; raises TrainingError for one that is not sound."""
        return cls(
            source,
            {
                path: data.decode("utf-8", "replace")
                for path, data in source_files(archive)
                if PurePosixPath(path).suffix in TEXTS
                and not any(skipped in f"/{path}" for skipped in source.skip)
            },
        )

    @property
    def name(self) -> str:
        """Of the package."""
        return self.source.name

    @property
    def label(self) -> str:
        """What stands before its paths where its pack is mounted."""
        return f"{self.name}@{self.source.version}"

    @property
    def files(self) -> Sequence[str]:
        """The paths of its texts, in order."""
        return tuple(self.texts)

    def text(self, path: str) -> str:
        """One of them."""
        return self.texts[path]


def mount_all(frameworks: Iterable[Framework], workplace: Workplace) -> None:
    """Make a pack of each framework's texts, and mount these and no others beside a repository."""
    for each in mounts_of(workplace.places):
        unmount(workplace.places, each.name)
    for framework in frameworks:
        source = framework.source
        origin = f"pypi:{source.name}=={source.version}"
        identity = Identity(source.name, source.version, origin, source.licence)
        files = [
            SourceFile(path, text.encode(), WRITTEN_AT * 10**9, PINNED)
            for path, text in framework.texts.items()
        ]
        with TemporaryDirectory(prefix="megacontext-eval-") as folder:
            file = Path(folder) / f"{framework.label}.mcpack"
            make_pack(workplace, Gathered(identity, files), file, None)
            stored = take_in(workplace, file, Consent(unsigned=True))
        mount(workplace.places, Mount.of(stored.manifest))
