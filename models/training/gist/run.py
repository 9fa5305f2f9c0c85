"""One GistNet run from its settings to its weights: prepare, train, judge, export.

Knows where things lie under the data and run folders, and no command line.
"""

from pathlib import Path
from typing import cast

from rich.console import Console
from transformers import Qwen2ForCausalLM

from megacontext.configs.errors import TrainingError

from ...language.tokenizing import TextTokenizer
from ..base_run import BaseRun, Places
from ..card import Along
from ..checkpoint import Checkpoints, RunState, read_checkpoint, read_state
from ..corpus.settings import read_yaml
from ..log import RunLog, open_log
from ..loop import Summary, TrainingLoop
from ..provenance import weights_hash
from .data import prepare_windows
from .export import Origin, fit_to_base, gistnet_card, rounded, write_gistnet
from .gate import Verdict, judge
from .learner import GistLearner
from .settings import GistRunSettings
from .task import GistTask

GISTNET_CARD = "gistnet.md"


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

    def tell_wandb(self) -> None:
        """Log the run to Weights & Biases too."""
        self.settings = self.settings.model_copy(update={"wandb": True})

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
        log = open_log(self.settings, self._folder, self._console)
        try:
            return TrainingLoop(self._task(log), self._folder, log).train()
        finally:
            log.close()

    def judge(self) -> Verdict:
        """What the newest checkpoint shows on held-out windows, against the gate.

        Raises:
            TrainingError: there is no checkpoint.
        """
        log = RunLog(self._folder / "log.jsonl", self._console)
        try:
            task, _ = self._newest(log)
            return self._verdict(task)
        finally:
            log.close()

    def export(self, out: Path, commit: str, force: bool = False) -> Verdict:
        """Write the newest checkpoint to `out`: GistNet, its card, and the base if it learned along.

        Nothing is written where the gate refuses it, unless `force` is given.

        Raises:
            TrainingError: there is no checkpoint, or the gate refuses it.
        """
        log = RunLog(self._folder / "log.jsonl", self._console)
        try:
            task, state = self._newest(log)
        finally:
            log.close()
        learner = task.gist_learner
        rounded(learner)
        verdict = self._verdict(task)
        if verdict.faults and not force:
            raise TrainingError(
                f"the gate refuses {state.step} steps of {self.settings.name}: "
                f"{'; '.join(verdict.faults)}. Train longer, or export with --force"
            )
        origin = self._origin(task, state, commit)
        if self.settings.train_base:
            self._export_base(learner, origin, out)
            tokenizer = TextTokenizer.load(out)
            fit_to_base(learner, learner.gistnet.config.base.name, tokenizer)
        write_gistnet(learner, out)
        card = gistnet_card(learner, self.settings, verdict, origin)
        (out / GISTNET_CARD).write_text(card, encoding="utf-8")
        return verdict

    def _newest(self, log: RunLog) -> tuple[GistTask, RunState]:
        newest = self._checkpoints.latest()
        if newest is None:
            raise TrainingError(
                f"{self._folder} holds no checkpoint; train it first with `megacontext train gistnet`"
            )
        task = self._task(log)
        task.load(read_checkpoint(newest).weights)
        task.learner.eval()
        return task, read_state(newest)

    def _verdict(self, task: GistTask) -> Verdict:
        decode = TextTokenizer.load(self._base()).decode
        gate, slots = self.settings.gate, self.settings.view.slots
        return judge(task.gist_learner, task.held_out, decode, gate, slots)

    def _origin(self, task: GistTask, state: RunState, commit: str) -> Origin:
        batch = self.settings.batch
        tokens = state.step * batch.windows * batch.accumulate * task.tokens_per_row
        return Origin(state.step, tokens, state.seconds / 3600, commit)

    def _export_base(self, learner: GistLearner, origin: Origin, out: Path) -> None:
        """Write the base that learned along; what it was before comes from its own run."""
        own = self._base_run()
        along = Along(self.settings.name, origin.steps, origin.tokens, origin.hours)
        network = cast("Qwen2ForCausalLM", learner.base)
        state = read_state(own.start(self.settings.base.plateau))
        own.export_network(network, state, out, origin.commit, along)

    def _task(self, log: RunLog) -> GistTask:
        base = self._base()
        windows = self._folder / "data"
        tokenizer = TextTokenizer.load(base)
        data = prepare_windows(self.settings, tokenizer, self._places.data, windows, log.say)
        return GistTask(self.settings, base, windows, {"base": weights_hash(base), "data": data})

    def _base_run(self) -> BaseRun:
        return BaseRun(Path(self.settings.base.run or ""), self._places, self._console)

    def _base(self) -> Path:
        """The model folder to start from; that of a base-model run is written here once."""
        choice = self.settings.base
        if choice.folder is not None:
            return Path(choice.folder)
        folder = self._folder / "base"
        if not (folder / "config.json").is_file():
            own = self._base_run()
            own.write_start(own.start(choice.plateau), folder)
        return folder
