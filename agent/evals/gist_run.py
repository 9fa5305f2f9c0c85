"""From a model folder to a report on its GistNet: loads, measures, and checks that the base is as it was.

Knows where windows lie; draws nothing and writes nothing.
"""

import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from megacontext.configs.errors import ModelError, TrainingError
from megacontext.models.choosing.presets import Precision
from megacontext.models.evaluation.ceiling import Ceiling
from megacontext.models.evaluation.gist_cgr import RATIOS, ratio_name
from megacontext.models.evaluation.gist_figures import GistFigures, measure_gists, passes
from megacontext.models.evaluation.passages import (
    LAYOUT,
    SETTINGS,
    Layout,
    Passages,
    files_of,
    sample_passages,
)
from megacontext.models.evaluation.reading import full_digest
from megacontext.models.gist.base_identity import BaseIdentity, identify_base
from megacontext.models.gist.files import encoder_id, has_gistnet, load_gistnet
from megacontext.models.gist.initial import initial_gistnet
from megacontext.models.gist.loading import SEED
from megacontext.models.gistnet import GistNet
from megacontext.models.language.loading import fit_threads, load_folder
from megacontext.models.language.tokenizing import TextTokenizer
from megacontext.models.language.transformers_model import TransformersModel
from megacontext.models.training.corpus.settings import read_yaml
from megacontext.models.training.loop import choose_device
from megacontext.models.training.provenance import provenance
from megacontext.models.training.run_data import prepare_run_data
from megacontext.models.training.settings import RunSettings
from megacontext.models.training.windows import Windows, read_meta

from .gist_report import Ceilings, GistReport, Subject
from .reports import machine

OnStage = Callable[[str, int], Callable[[], None]]
"""Given what starts and how many steps it has; returns what is called after each step."""


@dataclass(frozen=True)
class GistTask:
    """What to measure, and how thoroughly."""

    model: Path
    gistnet: Path | None
    """None takes the model's own: trained where there is one, else built from the base."""
    windows: Path
    """Folder of packed windows."""
    arm: str
    count: int
    ceiling: int
    """Windows to fit slots on; 0 leaves the ceiling out."""
    ceiling_steps: int
    seed: int
    device: str
    precision: Precision
    layout: Layout = LAYOUT


def windows_folder(config: Path, data: Path, runs: Path, say: Callable[[str], None]) -> Path:
    """The packed windows of a run of `train base`, made where they are missing.

    Raises SettingsError for a wrong settings file, TrainingError without a prepared corpus.
    """
    settings = read_yaml(config, RunSettings)
    folder = runs / settings.name / "data"
    if read_meta(folder) is None:
        prepare_run_data(settings, data / settings.corpus, folder, say)
    return folder


def evaluate_gists(
    task: GistTask,
    day: date,
    command: str,
    on_stage: OnStage,
    recall: Mapping[str, Any] | None = None,
    notes: str | None = None,
) -> GistReport:
    """Measure; `command` is what measures it again.

    Raises ModelFilesError for files that are missing or do not fit each other, TrainingError for
    windows that do not fit the model, ModelError if measuring changed the base.
    """
    started = time.perf_counter()
    bench = _Bench(task)
    before = full_digest(bench.model.module)
    figures = bench.measure(on_stage)
    ceiling = bench.fit(task.ceiling, task.ceiling_steps, on_stage) if task.ceiling else {}
    if full_digest(bench.model.module) != before:
        raise ModelError(f"measuring changed the weights of {task.model}; its figures are void")
    subject = Subject(
        arm=task.arm,
        model=bench.model.name,
        base_id=bench.base.base_id,
        encoder_id=encoder_id(bench.gistnet),
        trained=bench.trained,
        base_digest=before,
        date=day,
        seed=task.seed,
        command=command,
        seconds=time.perf_counter() - started,
        machine=machine(),
        provenance=provenance(),
    )
    return GistReport(subject, figures, ceiling, task.ceiling, recall, notes)


class _Bench:
    """Model, GistNet and passages of a task, loaded."""

    def __init__(self, task: GistTask) -> None:
        device = choose_device(task.device)
        self._seed = task.seed
        self.model = load_folder(task.model, device=str(device), dtype=task.precision)
        if device.type == "cpu":
            fit_threads(self.model.module.num_parameters())
        tokenizer = self.model.tokenizer.fingerprint
        self.base = identify_base(self.model.module, self.model.name, tokenizer)
        self.gistnet, self.trained = _gistnet(task, self.model, self.base)
        self._windows = _windows(task.windows, tokenizer)
        self._passages = sample_passages(self._windows, task.count, task.seed, task.layout)

    def measure(self, on_stage: OnStage) -> GistFigures:
        """Every arm."""
        module, passages = self.model.module, self._passages
        on_pass = on_stage("reading", passes(module, self.gistnet, passages))
        clusters = self._files(passages)
        return measure_gists(
            module, self.gistnet, passages, clusters, seed=self._seed, on_pass=on_pass
        )

    def fit(self, count: int, steps: int, on_stage: OnStage) -> Ceilings:
        """Fitted slots of `count` windows, in every setting at every ratio."""
        layout = self._passages.layout
        few = sample_passages(self._windows, count, self._seed, layout)
        ceiling = Ceiling(
            self.model.module,
            self.gistnet,
            few,
            self._files(few),
            steps=steps,
            seed=self._seed,
        )
        slots = [each for each in RATIOS if each <= self.gistnet.config.slots]
        on_pass = on_stage("fitting slots", ceiling.passes * len(SETTINGS) * len(slots))
        return {
            setting.name: {
                ratio_name(each, layout.block_size): ceiling.fit(setting, each, on_pass)
                for each in slots
            }
            for setting in SETTINGS
        }

    def _files(self, passages: Passages) -> Sequence[Hashable]:
        return files_of(passages, self._windows, self.model.specials.file_sep, self.model.decode)


def _gistnet(task: GistTask, model: TransformersModel, base: BaseIdentity) -> tuple[GistNet, bool]:
    """The GistNet to measure, and whether it was trained."""
    folder = task.gistnet or task.model
    if task.gistnet is None and not has_gistnet(folder):
        return initial_gistnet(model.module, base, seed=SEED).to(model.device).eval(), False
    return load_gistnet(folder, base, device=str(model.device)), True


def _windows(folder: Path, tokenizer: str) -> Windows:
    """The held-out windows in `folder`, which must be of the model's own tokens."""
    meta = read_meta(folder)
    if meta is None:
        raise TrainingError(
            f"{folder} holds no packed windows; make them with `megacontext train base`, or give "
            "the --config of the run that has them"
        )
    if (folder / "tokenizer.json").is_file():
        made_with = TextTokenizer.load(folder).fingerprint
        if made_with != tokenizer:
            raise TrainingError(
                f"the windows in {folder} were made with another tokenizer than the model's; give "
                "windows of its own tokens"
            )
    return Windows(folder, "validation", int(meta["seq_len"]))
