"""One LensNet run from its settings to its weights: train, measure, export.

Knows where things lie under the data and run folders, and no command line.
"""

from pathlib import Path

from rich.console import Console

from megacontext.configs.errors import TrainingError

from ...lens.files import save_lensnet
from ...lens.snapshots import Snapshots
from ..base_run import Places
from ..checkpoint import Checkpoints, RunState, read_checkpoint, read_state
from ..corpus.settings import read_yaml
from ..log import open_log
from ..loop import Summary, TrainingLoop
from .card import Origin, lensnet_card
from .settings import LensRunSettings
from .task import LensTask

DATASETS = "lens"
"""Folder of the datasets of snapshots under the data folder."""
LENSNET_CARD = "lensnet.md"


class LensRun:
    """A run of `megacontext train lensnet`.

    Raises:
        SettingsError: on construction, for a settings file that is not one of a run.
    """

    def __init__(self, config: Path, places: Places, console: Console) -> None:
        self.settings = read_yaml(config, LensRunSettings)
        self._console = console
        self._dataset = places.data / DATASETS / self.settings.dataset
        self._folder = places.runs / self.settings.name
        self._checkpoints = Checkpoints(self._folder / "checkpoints")

    def limit_hours(self, hours: float) -> None:
        """Give the run another budget in hours, counted over all its continuations."""
        schedule = self.settings.schedule.model_copy(update={"max_hours": hours})
        self.settings = self.settings.model_copy(update={"schedule": schedule})

    def tell_wandb(self) -> None:
        """Log the run to Weights & Biases too."""
        self.settings = self.settings.model_copy(update={"wandb": True})

    def train(self, resume: bool = True) -> Summary:
        """Train to the end of the budget, from the newest checkpoint where there is one.

        Raises:
            TrainingError: no fitting dataset, a checkpoint of a different run, or one that must not be resumed.
        """
        if not resume and self._checkpoints.latest() is not None:
            raise TrainingError(
                f"{self._folder} holds checkpoints; resume them, move the folder away, or give the "
                "run a new name"
            )
        task = LensTask(self.settings, self._dataset)
        log = open_log(self.settings, self._folder, self._console)
        try:
            return TrainingLoop(task, self._folder, log).train()
        finally:
            log.close()

    def evaluate(self) -> dict[str, float]:
        """Measure the newest checkpoint on the held-out repositories of its dataset.

        Raises:
            TrainingError: there is no checkpoint, or no fitting dataset.
        """
        return self._newest()[0].measure()

    def export(self, out: Path, commit: str) -> dict[str, float]:
        """Write the newest checkpoint to `out`, with its card; what was measured.

        Raises:
            TrainingError: there is no checkpoint, or no fitting dataset.
        """
        task, state = self._newest()
        measured = task.measure()
        save_lensnet(task.lensnet, out)
        origin = Origin(self.settings.name, state.step, state.seconds / 3600, commit)
        facts = Snapshots(self._dataset).manifest
        card = lensnet_card(task.lensnet, facts, measured, origin)
        (out / LENSNET_CARD).write_text(card, encoding="utf-8")
        return measured

    def _newest(self) -> tuple[LensTask, RunState]:
        newest = self._checkpoints.latest()
        if newest is None:
            raise TrainingError(
                f"{self._folder} holds no checkpoint; train it first with `megacontext train lensnet`"
            )
        task = LensTask(self.settings, self._dataset)
        try:
            task.load(read_checkpoint(newest).weights)
        except RuntimeError as exc:
            raise TrainingError(
                f"{newest} does not fit the settings of {self.settings.name} ({exc}); use those it was trained with"
            ) from exc
        task.learner.eval()
        return task, read_state(newest)
