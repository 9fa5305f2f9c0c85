"""All that the repository tasks are done with: packages as repositories, the model, every arm. Knows no task."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from pydantic import JsonValue

from megacontext.models.lens.files import has_lensnet, lens_id
from megacontext.models.training.corpus.settings import PackageSource

from ..lens.entrants import LENSNET, Lenses
from ..measuring import LossCache, Measurer
from ..pinned import packages_of
from ..repositories import Reader, Repository, lay_down, opened
from ..running.suite import Identity
from .arms.arm import Ask, Context
from .arms.entrants import AROUND, Entrants, Plan
from .completer import Completer
from .sdists import digest_of, sdist, source_files
from .settings import PackageSettings, RepositorySettings
from .spots import Spot
from .testing import PackageTests, Verdicts


@dataclass(frozen=True)
class BenchPlaces:
    """Where everything is kept that does not have to be made twice."""

    data: Path

    @property
    def sdists(self) -> Path:
        """Downloaded archives."""
        return self.data / "sdists"

    @property
    def sources(self) -> Path:
        """Their Python files, each package with its memory."""
        return self.data / "sources"

    @property
    def checkouts(self) -> Path:
        """All of their files, for tests."""
        return self.data / "checkouts"

    @property
    def verdicts(self) -> Path:
        """What tests said."""
        return self.data / "repository" / "verdicts.json"

    @property
    def losses(self) -> Path:
        """What was measured."""
        return self.data / "repository" / "losses.db"


class Bench(Completer):
    """Use `on_bench`."""

    def __init__(
        self,
        settings: RepositorySettings,
        reader: Reader,
        lenses: Lenses,
        measurer: Measurer,
        repositories: Mapping[str, Repository],
        archives: Mapping[str, str],
        tests: Callable[[], dict[str, PackageTests]],
    ) -> None:
        """`archives`: the digest of each package's archive, by its name and version.

        `tests` gives the tests of each package that has some that run alone, by its name.
        """
        super().__init__(reader.model, measurer)
        self.settings = settings
        self.lenses = lenses
        self.repositories = repositories
        room = self.model.context_length - settings.tail - settings.lines.longest - AROUND
        self.plan = Plan(settings.budgets, max(0, room), bool(lenses.nets))
        self._reader = reader
        self._archives = archives
        self.tests = tests
        self._entrants = {
            name: Entrants(repository, self.plan, settings, measurer, lenses)
            for name, repository in repositories.items()
        }

    def identity(self, part: Mapping[str, JsonValue]) -> Identity:
        """What samples depend on; `part` are the settings of one kind of tasks."""
        common: dict[str, JsonValue] = self.settings.model_dump(
            mode="json", exclude={"lines", "edits", "needles", "bodies"}
        )
        gister = self._reader.gister
        model: dict[str, JsonValue] = {
            "name": self.model.name,
            "base": gister.base_id,
            "encoder": gister.encoder_id,
            "lensnet": {name: lens_id(net) for name, net in self.lenses.nets.items()},
        }
        return Identity({**common, **part}, model, self._archives)

    def ask(self, spot: Spot) -> Ask:
        """The question at a spot, in the repository as it is now."""
        repository = self.repositories[spot.package]
        return Ask(repository, spot, spot.cursor(repository, self.settings.tail))

    def contexts(self, ask: Ask) -> Mapping[str, Context]:
        """What every arm chooses."""
        return self._entrants[ask.repository.name].contexts(ask)


@contextmanager
def on_bench(
    settings: RepositorySettings, file: Path, model: str, places: BenchPlaces
) -> Iterator[Bench]:
    """Fetch, open and gist the packages that settings read from `file` name, and load a model.

    Raises SettingsError for packages that were trained on, TrainingError for one that cannot be had, ModelError for a
    model that reads no vectors, StoreBusyError while another process uses the same repositories.
    """
    packages = packages_of(settings.names, settings.corpus, "held_out", file)
    archives = {package.name: sdist(package, places.sdists) for package in packages}
    reader = Reader.load(model)
    with ExitStack() as closing:
        repositories = {}
        for package, wanted in zip(packages, settings.packages, strict=True):
            root = _source(package, wanted, archives[package.name], places.sources)
            repositories[package.name] = closing.enter_context(
                opened(package.name, root, reader, settings.slots)
            )
        cache = closing.enter_context(LossCache(places.losses))
        measurer = Measurer(reader.model, reader.gister.base_id, cache)
        digests = {
            f"{each.name} {each.version}": digest_of(archives[each.name]) for each in packages
        }
        yield Bench(
            settings,
            reader,
            _lenses(reader),
            measurer,
            repositories,
            digests,
            lambda: _tests(settings, packages, archives, places),
        )


def _source(package: PackageSource, wanted: PackageSettings, archive: Path, folder: Path) -> Path:
    """The package's Python files as a repository, made once for what is skipped."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = blake2b(repr((digest_of(archive), wanted.skip)).encode(), digest_size=4).hexdigest()
    files = (
        (path, data)
        for path, data in source_files(archive)
        if path.endswith(".py") and not any(part in f"/{path}" for part in wanted.skip)
    )
    return lay_down(files, folder / f"{package.name}-{package.version}-{kind}")


def _tests(
    settings: RepositorySettings,
    packages: Sequence[PackageSource],
    archives: Mapping[str, Path],
    places: BenchPlaces,
) -> dict[str, PackageTests]:
    """The tests of the packages that have some, each with all of its files."""
    verdicts = Verdicts(places.verdicts)
    found = {}
    for package, wanted in zip(packages, settings.packages, strict=True):
        if wanted.tests:
            archive = archives[package.name]
            places.checkouts.mkdir(parents=True, exist_ok=True)
            name = f"{package.name}-{package.version}-{digest_of(archive)[:8]}"
            root = lay_down(source_files(archive), places.checkouts / name)
            seconds = settings.bodies.seconds
            found[package.name] = PackageTests(root, wanted.tests, seconds, verdicts)
    return found


def _lenses(reader: Reader) -> Lenses:
    folder = reader.choice.folder
    own = {LENSNET: folder} if folder is not None and has_lensnet(folder) else {}
    return Lenses.load(own, reader.gister)
