"""From a YAML file to the figures of a comparison, or of descendant recall. Opens everything and writes nothing."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from megacontext.configs.errors import ModelError
from megacontext.models.evaluation.bootstrap import Interval
from megacontext.models.gist.files import has_gistnet
from megacontext.models.lens.files import has_lensnet

from ..measuring import LossCache, Measurer
from ..reports import machine
from ..repositories import Reader, Repository, each_opened
from .entrants import FEATURE_SCORER, LENSNET, Lenses, judges_of
from .evaluation import Comparison, SceneFigures, figures_of
from .recall import Found, find_homes, recall_at
from .run import LensPlaces
from .scenes.places import PlaceFinder
from .settings import EvaluationSettings, pinned
from .snapshots import OnSnapshot, scenes_of
from .stability import Walk, block_steps, median, refocus_ms, walk, walked

ABOUT = "about"
"""Under which figures say what they were measured on."""
FEWEST_STEPS = 4
"""A file in which the cursor cannot move so far tells nothing about stillness."""


@dataclass(frozen=True)
class LensTask:
    """What to measure."""

    settings: EvaluationSettings
    file: Path
    """Where the settings were read from."""
    model: str
    lensnet: Path | None
    """None takes the one in the model's folder, where there is one."""
    ablations: Mapping[str, Path]
    places: LensPlaces

    def subject_folder(self, reader: Reader) -> Path | None:
        """The folder of the LensNet that is measured; None when there is none."""
        own = reader.choice.folder
        return self.lensnet or (own if own is not None and has_lensnet(own) else None)

    def lenses(self, reader: Reader) -> Lenses:
        """The LensNets to compare; raises ModelError for ablations of nothing."""
        subject = self.subject_folder(reader)
        if subject is None and self.ablations:
            raise ModelError(
                "ablations need the LensNet that they are held against; give --lensnet"
            )
        named = {LENSNET: subject} if subject is not None else {}
        return Lenses.load(named | dict(self.ablations), reader.gister)


@dataclass
class Still:
    """Stillness and time of the scorers that a focus can have."""

    walks: dict[str, list[Walk]] = field(default_factory=dict)
    refocus: dict[str, list[float]] = field(default_factory=dict)
    entries: int = 0
    """Scored at once, in the largest repository."""

    def of(self, name: str, seed: int) -> dict[str, Interval]:
        """The figures of one scorer; none for one that no focus was made with."""
        if not self.walks.get(name) or name not in self.refocus:
            return {}
        return {**walked(self.walks[name], seed), "refocus_ms": median(self.refocus[name], seed)}


@dataclass(frozen=True)
class LensReport:
    """Everything that a report holds."""

    date: date
    command: str
    """Measures all of it again."""
    subject: str
    """Name of the scorer that is measured: LensNet, or the feature scorer where there is none."""
    settings: EvaluationSettings
    repositories: Mapping[str, str]
    """Version by name."""
    scenes: int
    files: int
    base: str
    base_id: str
    encoder_id: str
    trained_gists: bool
    scorers: Mapping[str, Mapping[str, Any]]
    """Figures of every scorer by name, the subject among them."""
    against: Mapping[str, Mapping[str, Interval]]
    """By how much the subject beats each other, paired."""
    ablations: tuple[str, ...]
    oracle: Mapping[str, Interval]
    helpful: Interval
    entries: int
    """That were scored at once where time was measured."""
    forwards: int
    seconds: float
    machine: Mapping[str, Any]
    provenance: Mapping[str, Any]
    notes: str | None = None


def evaluate_lens(task: LensTask, progress: OnSnapshot, **told: Any) -> LensReport:
    """Measure all scorers on the task's scenes; `told` are the date, command, provenance and notes of the report.

    Raises SettingsError for packages that were trained on, ModelError where there is nothing to measure.
    """
    started = time.perf_counter()
    settings = task.settings
    packages = pinned(settings, task.file)
    reader = Reader.load(task.model)
    lenses = task.lenses(reader)
    still = Still()
    with LossCache(task.places.losses) as cache:
        measurer = Measurer(reader.model, reader.gister.base_id, cache)
        scenes = _measured(task, reader, lenses, measurer, still, progress)
    comparison = Comparison(scenes, settings.budgets, settings.seed)
    subject = LENSNET if LENSNET in lenses.nets else FEATURE_SCORER
    scorers = {
        name: comparison.of(name) | still.of(name, settings.seed) for name in scenes[0].judged
    }
    return LensReport(
        subject=subject,
        settings=settings,
        repositories={package.name: package.version for package in packages},
        scenes=len(scenes),
        files=len({scene.file for scene in scenes}),
        **_base(reader),
        scorers=scorers,
        against={name: comparison.against(subject, name) for name in scorers if name != subject},
        ablations=tuple(task.ablations),
        oracle=comparison.oracle(),
        helpful=comparison.helpful(),
        entries=still.entries,
        forwards=measurer.forwards,
        seconds=time.perf_counter() - started,
        machine=machine(),
        **told,
    )


def _measured(
    task: LensTask,
    reader: Reader,
    lenses: Lenses,
    measurer: Measurer,
    still: Still,
    progress: OnSnapshot,
) -> list[SceneFigures]:
    """The figures of every scene, repository by repository; stillness goes into `still`."""
    settings = task.settings
    scenes: list[SceneFigures] = []
    count = len(settings.repositories)
    for number, repository in enumerate(_repositories(task, reader)):
        judges = judges_of(repository, lenses, measurer)
        share = -(-(settings.snapshots - len(scenes)) // (count - number))
        for scene in scenes_of(repository, settings, share):
            scenes.append(figures_of(scene, judges, settings, measurer))
            progress(repository.name, len(scenes), settings.snapshots)
        _watch(repository, lenses, settings, still, -(-settings.stability.files // count))
    if not scenes:
        raise ModelError("no scene could be drawn in these repositories; give larger ones")
    return scenes


def evaluate_recall(task: LensTask, progress: OnSnapshot) -> dict[str, Any]:
    """Descendant recall of the task's GistNet, as data: by way of ranking, then by k, and what it was measured on.

    Raises as `evaluate_lens` does.
    """
    settings = task.settings
    wanted = settings.recall
    packages = pinned(settings, task.file)
    reader = Reader.load(task.model)
    lenses = task.lenses(reader)
    where = settings.places.model_copy(update={"need_share": 1.0, "per_file": wanted.per_file})
    found: list[Found] = []
    for number, repository in enumerate(_repositories(task, reader)):
        share = -(-(wanted.places - len(found)) // (len(packages) - number))
        places = PlaceFinder(repository, where, settings.seed).find(share)
        tree = repository.lens.tree
        scorers = {FEATURE_SCORER: repository.lens.scorer} | lenses.scorers(repository, tree)
        for each in find_homes(repository, places, scorers):
            found.append(each)
            progress(repository.name, len(found), wanted.places)
    if not found:
        raise ModelError("no cursor of these repositories needs another file; give larger ones")
    about = {
        "cursors": len(found),
        "files_ranked": sum(each.others for each in found) / len(found),
        "repositories": {package.name: package.version for package in packages},
        "seed": settings.seed,
        **_base(reader),
    }
    return {**recall_at(found, wanted.at, settings.seed), ABOUT: about}


def _repositories(task: LensTask, reader: Reader) -> Iterator[Repository]:
    packages = pinned(task.settings, task.file)
    places = task.places
    slots = task.settings.draw.slots
    return each_opened(packages, places.repositories, places.wheels, reader, slots)


def _base(reader: Reader) -> dict[str, Any]:
    folder = reader.choice.folder
    return {
        "base": reader.model.name,
        "base_id": reader.gister.base_id,
        "encoder_id": reader.gister.encoder_id,
        "trained_gists": folder is not None and has_gistnet(folder),
    }


def _watch(
    repository: Repository, lenses: Lenses, settings: EvaluationSettings, still: Still, files: int
) -> None:
    """Walk through some files of a repository with each scorer; take times where there is most to score."""
    wanted = settings.stability
    lens = repository.lens if wanted.codec == "gist" else repository.text_lens
    scorers = {FEATURE_SCORER: lens.scorer} | lenses.scorers(repository, lens.tree)
    routes = []
    for path in repository.files:
        steps = block_steps(repository, settings.places, path, wanted.steps)
        if len(steps) > FEWEST_STEPS:
            routes.append(steps)
        if len(routes) == files:
            break
    for name, scorer in scorers.items():
        walks = still.walks.setdefault(name, [])
        walks += [walk(repository, lens, scorer, steps, wanted.budget) for steps in routes]
    chunks = repository.memory.catalogue.counts()["chunks"]
    if not routes or min(chunks, wanted.entries) < still.entries:
        return
    everywhere = [place for steps in routes for place in steps]
    for name, scorer in scorers.items():
        still.refocus[name], still.entries = refocus_ms(
            repository, lens, scorer, everywhere, wanted
        )
