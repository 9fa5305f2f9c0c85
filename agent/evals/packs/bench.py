"""All that packs are measured with: repositories, frameworks and a model. Knows no measure."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from pydantic import JsonValue

from megacontext.models.training.corpus.settings import PackageSource

from ..measuring import LossCache, Measurer
from ..repositories import Reader, Repository, lay_down, opened
from ..repository.arms.arm import Ask, Context
from ..repository.completer import Completer
from ..repository.package_suite import in_shares
from ..repository.sdists import digest_of, sdist, source_files
from ..repository.spots import Spot
from ..running.suite import Identity
from .frameworks import Framework, mount_all
from .questions import Question, held_out, questions_in
from .settings import KINDS, Kind, PackSettings, check_untrained
from .stand import COMPARED, NONE, Stand, named

SLOTS = 1
"""Vectors of a block's gist that are kept; none is read."""


@dataclass(frozen=True)
class PackPlaces:
    """Where everything is kept that does not have to be made twice."""

    data: Path

    @property
    def sdists(self) -> Path:
        """Downloaded archives."""
        return self.data / "sdists"

    @property
    def repositories(self) -> Path:
        """Python files of packages that use frameworks, each with its memory."""
        return self.data / "packs" / "repositories"

    @property
    def store(self) -> Path:
        """Packs, unpacked."""
        return self.data / "packs" / "store"

    @property
    def losses(self) -> Path:
        """What was measured."""
        return self.data / "packs" / "losses.db"


class PackBench(Completer):
    """Use `on_pack_bench`."""

    def __init__(
        self,
        settings: PackSettings,
        reader: Reader,
        measurer: Measurer,
        stands: Mapping[str, Stand],
        frameworks: Mapping[str, Sequence[Framework]],
        questions: Sequence[Question],
        archives: Mapping[str, str],
    ) -> None:
        """`stands` and `frameworks` by their repository; `archives`: digests by the packages' names and versions.

        `frameworks` are as they are mounted, so without the docstrings that `questions` ask for.
        """
        super().__init__(reader.model, measurer)
        self.settings = settings
        self.stands = stands
        self.frameworks = frameworks
        self.questions = questions
        self._reader = reader
        self._archives = archives

    @property
    def repositories(self) -> Mapping[str, Repository]:
        """By name."""
        return {name: stand.repository for name, stand in self.stands.items()}

    def identity(self, kind: Kind) -> Identity:
        """What samples of one kind of tasks depend on."""
        others: set[str] = {each for each in KINDS if each != kind}
        wanted: dict[str, JsonValue] = self.settings.model_dump(mode="json", exclude=others)
        gister = self._reader.gister
        model: dict[str, JsonValue] = {"name": self.model.name, "base": gister.base_id}
        return Identity(wanted, model, self._archives)

    def ask(self, spot: Spot) -> Ask:
        """The question at a spot, in the repository as it is now."""
        repository = self.stands[spot.package].repository
        return Ask(repository, spot, spot.cursor(repository, self.settings.calls.tail))

    def contexts(self, ask: Ask) -> Mapping[str, Context]:
        """What every arm chooses at a cursor."""
        stand, budgets = self.stands[ask.repository.name], self.settings.calls.budgets
        found = {
            named(arm, budget): stand.context(arm, ask, budget)
            for arm in COMPARED
            for budget in budgets
        }
        return {NONE: stand.context(NONE, ask, 0), **found}


@contextmanager
def on_pack_bench(
    settings: PackSettings, file: Path, reader: Reader, places: PackPlaces, kind: Kind
) -> Iterator[PackBench]:
    """Fetch and open the repositories that settings read from `file` name, with their frameworks as packs beside them.

    For questions, packs lack the docstrings that are asked for. Raises SettingsError for packages that were trained on,
    TrainingError for one that cannot be had, StoreBusyError while another process uses the same repositories.
    """
    check_untrained(settings, file)
    archives = {each.name: sdist(each, places.sdists) for each in settings.packages}
    whole = {
        stand.repository.name: [
            Framework.of(each, archives[each.name]) for each in stand.frameworks
        ]
        for stand in settings.stands
    }
    asked = _questions(settings, whole) if kind == "questions" else []
    frameworks = {
        name: [held_out(each, [one for one in asked if one.repository == name]) for each in own]
        for name, own in whole.items()
    }
    packs = reader.settings.packs.model_copy(update={"store": places.store.resolve()})
    reader = replace(reader, settings=reader.settings.model_copy(update={"packs": packs}))
    with ExitStack() as closing:
        stands = {}
        for stand in settings.stands:
            name = stand.repository.name
            root = _laid_down(stand.repository, archives[name], places.repositories)
            repository = closing.enter_context(opened(name, root, reader, SLOTS))
            mount_all(frameworks[name], repository.workplace)
            stands[name] = Stand(repository)
        cache = closing.enter_context(LossCache(places.losses))
        measurer = Measurer(reader.model, reader.gister.base_id, cache)
        digests = {
            f"{each.name} {each.version}": digest_of(archives[each.name])
            for each in settings.packages
        }
        yield PackBench(settings, reader, measurer, stands, frameworks, asked, digests)


def _questions(
    settings: PackSettings, frameworks: Mapping[str, Sequence[Framework]]
) -> list[Question]:
    """Questions about every framework in equal shares, each beside the first repository that uses it."""
    first: dict[str, tuple[str, Framework]] = {}
    for name, own in frameworks.items():
        for framework in own:
            first.setdefault(framework.label, (name, framework))
    wanted = settings.questions

    def take(one: tuple[str, Framework], share: int) -> list[Question]:
        name, framework = one
        return questions_in(framework, name, wanted.words, settings.seed)[:share]

    return in_shares(wanted.count, first.values(), take)


def _laid_down(package: PackageSource, archive: Path, folder: Path) -> Path:
    """The package's Python files as a repository, made once for what is skipped."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = blake2b(repr((digest_of(archive), package.skip)).encode(), digest_size=4).hexdigest()
    files = (
        (path, data)
        for path, data in source_files(archive)
        if path.endswith(".py") and not any(part in f"/{path}" for part in package.skip)
    )
    return lay_down(files, folder / f"{package.name}-{package.version}-{kind}")
