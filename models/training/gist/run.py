"""One GistNet run from its settings to its weights: prepare, train, judge, export.

Knows where things lie under the data and run folders, and no command line.
"""

import hashlib
from pathlib import Path

from rich.console import Console
from safetensors.torch import load_file

from megacontext.configs.errors import TrainingError

from ...language.tokenizing import TextTokenizer
from ..base_run import Places
from ..checkpoint import Checkpoints
from ..corpus.settings import read_yaml
from ..export import write_model
from ..log import RunLog
from ..loop import Summary, TrainingLoop
from ..network import build_network
from ..settings import RunSettings
from .data import prepare_windows
from .settings import BaseChoice, GistRunSettings
from .task import GistTask


class GistRun:
    """A run of `megacontext train gistnet`.

    Raises:
        SettingsError: on construction, for a settings file that is not one of a run.
    """

    def __init__(self, config: Path, places: Places, console: Console) -> None:
        self.settings = read_yaml(config, GistRunSettings)
        self._console = console
        self._places = places
        self._folder = places.runs / self.settings.name
        self._checkpoints = Checkpoints(self._folder / "checkpoints")

    def limit_hours(self, hours: float) -> None:
        """Give the run another budget in hours, counted over all its continuations."""
        schedule = self.settings.schedule.model_copy(update={"max_hours": hours})
        self.settings = self.settings.model_copy(update={"schedule": schedule})

    def train(self, resume: bool = True) -> Summary:
        """Train to the end of the budget, from the newest checkpoint where there is one.

        Raises:
            TrainingError: no corpus, no base, a checkpoint of a different run, or one that must not
                be resumed.
        """
        if not resume and self._checkpoints.latest() is not None:
            raise TrainingError(
                f"{self._folder} holds checkpoints; resume them, move the folder away, or give the "
                "run a new name"
            )
        log = RunLog(self._folder / "log.jsonl", self._console)
        try:
            return TrainingLoop(self._task(log), self._folder, log).train()
        finally:
            log.close()

    def _task(self, log: RunLog) -> GistTask:
        base = self._base()
        windows = self._folder / "data"
        tokenizer = TextTokenizer.load(base)
        data = prepare_windows(self.settings, tokenizer, self._places.data, windows, log.say)
        weights = hashlib.blake2b(
            (base / "model.safetensors").read_bytes(), digest_size=16
        ).hexdigest()
        return GistTask(self.settings, base, windows, f"{weights}-{data}")

    def _base(self) -> Path:
        """The model folder to start from; that of a base-model run is written here once."""
        choice = self.settings.base
        if choice.folder is not None:
            return Path(choice.folder)
        folder = self._folder / "base"
        if not (folder / "config.json").is_file():
            write_start(choice, self._places, folder)
        return folder


def write_start(choice: BaseChoice, places: Places, folder: Path) -> None:
    """Write the plateau, or else the newest state, of a base-model run as a model folder.

    Raises:
        TrainingError: the run has no checkpoint.
    """
    settings = read_yaml(Path(choice.run or ""), RunSettings)
    run = places.runs / settings.name
    newest = Checkpoints(run / "plateau").latest() or Checkpoints(run / "checkpoints").latest()
    if newest is None:
        raise TrainingError(
            f"{run} holds no checkpoint; train it first with `megacontext train base --config "
            f"{choice.run}`"
        )
    network = build_network(settings)
    network.load_state_dict(load_file(newest / "model.safetensors"), strict=False)
    write_model(network, run / "data", folder, settings.model.max_positions)
