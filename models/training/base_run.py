"""One base-model run from its settings to its weights: prepare, train, evaluate, export.

Knows where things lie under the data and run folders, and no command line.
"""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from safetensors.torch import load_file
from transformers import Qwen2ForCausalLM

from megacontext.configs.errors import TrainingError

from ..language.tokenizing import TextTokenizer
from .base_task import BaseTask
from .card import Along, CardFacts, model_card
from .checkpoint import Checkpoints, RunState, read_state
from .corpus.prepare import read_manifest, read_split
from .corpus.settings import read_yaml
from .evaluation import exact_lines, line_tasks, read_held_out, token_bytes
from .export import ExportedWeights, export_weights, write_card, write_model
from .log import open_log, read_log
from .loop import Summary, TrainingLoop
from .network import build_network
from .run_data import prepare_run_data
from .settings import RunSettings
from .windows import Windows

LINE_SEED = 7


@dataclass(frozen=True)
class Evaluation:
    """What the newest checkpoint of a run is worth on the held-out packages."""

    checkpoint: str
    step: int
    bits_per_byte: float
    repositories: dict[str, float]
    """Bits per byte of each held-out package."""
    bytes: int
    exact_lines: float
    line_tasks: int


@dataclass(frozen=True)
class Places:
    """Where a run finds and leaves its files."""

    data: Path
    """Holds one folder a prepared corpus."""
    runs: Path
    """Holds one folder a run."""


class BaseRun:
    """A run of `megacontext train base`.

    Raises:
        SettingsError: on construction, for a settings file that is not one of a run.
    """

    def __init__(self, config: Path, places: Places, console: Console) -> None:
        self.settings = read_yaml(config, RunSettings)
        self._console = console
        self._corpus = places.data / self.settings.corpus
        self._folder = places.runs / self.settings.name
        self._data = self._folder / "data"
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
            TrainingError: no corpus, a checkpoint of a different run, or one that must not be
                resumed.
        """
        if not resume and self._checkpoints.latest() is not None:
            raise TrainingError(
                f"{self._folder} holds checkpoints; resume them, move the folder away, or give the "
                "run a new name"
            )
        log = open_log(self.settings, self._folder, self._console)
        try:
            data = prepare_run_data(self.settings, self._corpus, self._data, log.say)
            task = BaseTask(self.settings, self._data, data)
            return TrainingLoop(task, self._folder, log).train()
        finally:
            log.close()

    def evaluate(self) -> Evaluation:
        """Measure the newest checkpoint on all held-out text.

        Raises:
            TrainingError: there is no checkpoint.
        """
        folder, state = self._newest()
        return self._evaluate(self._network(folder), folder, state)

    def export(self, out: Path, commit: str) -> Evaluation:
        """Write the newest checkpoint to `out` as a model folder with its card; measure it there.

        Raises:
            TrainingError: there is no checkpoint, or no corpus that tells of the data.
        """
        folder, state = self._newest()
        return self.export_network(self._network(folder), state, out, commit)

    def export_network(
        self,
        network: Qwen2ForCausalLM,
        state: RunState,
        out: Path,
        commit: str,
        along: Along | None = None,
    ) -> Evaluation:
        """Write a network that came out of this run at `state`, and perhaps learned on, to `out`."""
        weights = export_weights(network, self._data, out, self._read_sample, self.settings.seq_len)
        evaluation = self._evaluate(weights.network, out, state)
        write_card(out, model_card(self._facts(state, evaluation, weights, commit, along)))
        return evaluation

    def start(self, plateau: bool) -> Path:
        """The checkpoint another run starts from: the plateau if wanted and there, or the newest.

        Raises:
            TrainingError: there is neither.
        """
        found = Checkpoints(self._folder / "plateau").latest() if plateau else None
        return found or self._newest()[0]

    def write_start(self, checkpoint: Path, folder: Path) -> None:
        """Write the network of a checkpoint to `folder` as a model folder, in float32."""
        network = self._network(checkpoint)
        write_model(network, self._data, folder, self.settings.model.max_positions)

    def _newest(self) -> tuple[Path, RunState]:
        newest = self._checkpoints.latest()
        if newest is None:
            raise TrainingError(
                f"{self._folder} holds no checkpoint; train it first with `megacontext train base`"
            )
        return newest, read_state(newest)

    def _network(self, folder: Path) -> Qwen2ForCausalLM:
        network = build_network(self.settings)
        network.load_state_dict(load_file(folder / "model.safetensors"), strict=False)
        return network.eval()

    def _read_sample(self, network: Qwen2ForCausalLM) -> float:
        windows = self.settings.evaluation.windows
        return self._read(network, windows)[0]

    def _read(
        self, network: Qwen2ForCausalLM, limit: int | None
    ) -> tuple[float, dict[str, float], int]:
        windows = Windows(self._data, "validation", self.settings.seq_len)
        tokenizer = TextTokenizer.load(self._data)
        reading = read_held_out(network, tokenizer, windows, token_bytes(self._data), limit)
        parts = {name: bits.value for name, bits in reading.repositories.items()}
        return reading.total.value, parts, reading.total.bytes

    def _evaluate(self, network: Qwen2ForCausalLM, folder: Path, state: RunState) -> Evaluation:
        bits, parts, size = self._read(network, None)
        tokenizer = TextTokenizer.load(self._data)
        files = [(d.repo, d.path, d.content) for d in read_split(self._corpus, "validation")]
        tasks = line_tasks(tokenizer, files, self.settings.evaluation.line_tasks, LINE_SEED)
        exact = exact_lines(network, tokenizer, tasks)
        return Evaluation(str(folder), state.step, bits, parts, size, exact, len(tasks))

    def _facts(
        self,
        state: RunState,
        evaluation: Evaluation,
        weights: ExportedWeights,
        commit: str,
        along: Along | None,
    ) -> CardFacts:
        batch = self.settings.batch
        per_step = batch.windows * batch.accumulate * self.settings.seq_len
        windows = Windows(self._data, "train", self.settings.seq_len)
        return CardFacts(
            settings=self.settings,
            manifest=read_manifest(self._corpus),
            parameters=weights.network.num_parameters(),
            dtype=weights.dtype,
            dtype_cost=weights.cost,
            steps=state.step,
            tokens=state.step * per_step,
            corpus_tokens=len(windows) * self.settings.seq_len,
            hours=state.seconds / 3600,
            curve=tuple(
                (record["tokens"], record["bits_per_byte"])
                for record in read_log(self._folder / "log.jsonl", "validation")
                if record["step"] <= state.step
            ),
            finished=state.decaying or along is not None,
            along=along,
            bits_per_byte=evaluation.bits_per_byte,
            repositories=evaluation.repositories,
            exact_lines=evaluation.exact_lines,
            line_tasks=evaluation.line_tasks,
            commit=commit,
        )
