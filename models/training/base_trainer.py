"""Train the pocket base model: the loop, its interruptions and its continuation.

Everything that decides a step (settings, data, step number) is saved with the weights, so a run that
is stopped and resumed takes the same steps as one that was not. Knows no command line.
"""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import torch
from transformers import Qwen2ForCausalLM

from megacontext.configs.errors import TrainingError

from ..language.tokenizing import TextTokenizer
from .checkpoint import Checkpoint, Checkpoints, RunState, read_checkpoint, read_state
from .evaluation import read_held_out, token_bytes
from .log import RunLog
from .network import build_network
from .optimizer import MuonAdamW
from .schedule import Schedule
from .settings import RunSettings
from .tokenizer import PAD
from .windows import Windows
from .workers import Workers

REPORT_STEPS = 10


@dataclass(frozen=True)
class Summary:
    """How a run, or a part of it, ended."""

    finished: bool
    """False where a signal stopped it before its budget was spent."""
    step: int
    tokens: int
    seconds: float
    loss: float
    bits_per_byte: float
    checkpoint: str


class BaseTrainer:
    """One run of base-model training in one folder.

    Args:
        settings: of the run.
        folder: holds `data/` (tokenizer and windows), `checkpoints/`, and `plateau/` with the state
            from which a finished run can be lengthened.
        data_fingerprint: of the windows, as `prepare_run_data` returned it.
        log: where the run reports to.

    Raises:
        TrainingError: the newest checkpoint belongs to a different run, or the device is not there.
    """

    def __init__(
        self, settings: RunSettings, folder: Path, data_fingerprint: str, log: RunLog
    ) -> None:
        self._settings = settings
        self._fingerprint = f"{settings.fingerprint()}-{data_fingerprint}"
        self._log = log
        self._device = choose_device(settings.device)
        if settings.workers > 1 and self._device.type != "cpu":
            raise TrainingError(
                f"workers is {settings.workers}, but only processors share a batch; set it to 1"
            )
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        data = folder / "data"
        self._tokenizer = TextTokenizer.load(data)
        self._pad = self._tokenizer.added_tokens[PAD]
        self._train = Windows(data, "train", settings.seq_len, settings.seed)
        self._validation = Windows(data, "validation", settings.seq_len)
        self._sizes = token_bytes(data)
        self._checkpoints = Checkpoints(folder / "checkpoints", settings.checkpoint.keep)
        self._plateau = Checkpoints(folder / "plateau", keep=1)
        self._schedule = Schedule(settings.schedule)
        self._network = build_network(settings).to(self._device)
        self._optimizer = MuonAdamW(self._network, settings.optimizer)
        self._step = 0
        self._seconds = 0.0
        self._loss = math.nan
        self._stopped = False
        newest = self._newest()
        if newest is not None:
            self._resume(newest)
        if settings.compile and self._device.type == "cuda":
            self._network.model = torch.compile(self._network.model)

    @property
    def network(self) -> Qwen2ForCausalLM:
        """The network as it stands."""
        return self._network

    def train(self) -> Summary:
        """Take steps until a budget is spent or SIGINT or SIGTERM comes; save; return the end.

        Raises:
            TrainingError: the loss is no longer a number.
        """
        begun = time.monotonic() - self._seconds
        reported, saved = (time.monotonic(), self._step), time.monotonic()
        every = self._settings.evaluation.every_steps
        decaying = self._decaying()
        with self._stopping(), Workers(self._settings, self._network, self._pad) as workers:
            while not self._stopped and self._schedule.spent(self._step, self._seconds) < 1:
                if not decaying and self._decaying():
                    self._save(self._plateau)
                    decaying = True
                factor = self._schedule.factor(self._step, self._seconds)
                norm = self._take_step(workers, factor)
                self._seconds = time.monotonic() - begun
                if self._step % REPORT_STEPS == 0:
                    reported = self._report(factor, norm, reported)
                if self._step % every == 0:
                    self._evaluate()
                if time.monotonic() - saved > 60 * self._settings.checkpoint.minutes:
                    self._save(self._checkpoints)
                    saved = time.monotonic()
        path = self._save(self._checkpoints)
        return Summary(
            finished=not self._stopped,
            step=self._step,
            tokens=self._tokens(),
            seconds=self._seconds,
            loss=self._loss,
            bits_per_byte=self._evaluate(),
            checkpoint=str(path),
        )

    def _take_step(self, workers: Workers, factor: float) -> float:
        batch = self._settings.batch
        total = 0.0
        for part in range(batch.accumulate):
            rows = self._train.batch(self._step * batch.accumulate + part, batch.windows)
            total += workers.add_gradients(rows, 1 / batch.accumulate)
        if not math.isfinite(total):
            raise TrainingError(
                f"the loss at step {self._step} is {total}; lower the learning rates and start a "
                "new run, or resume from the last checkpoint"
            )
        norm = self._optimizer.step(factor)
        self._step += 1
        self._loss = total
        return norm

    def _tokens(self) -> int:
        batch = self._settings.batch
        return self._step * batch.accumulate * batch.windows * self._settings.seq_len

    def _report(self, factor: float, norm: float, last: tuple[float, int]) -> tuple[float, int]:
        now = time.monotonic()
        per_step = self._tokens() / self._step
        self._log.record(
            "step",
            step=self._step,
            loss=round(self._loss, 4),
            lr_factor=round(factor, 4),
            grad_norm=round(norm, 3),
            tokens=self._tokens(),
            tokens_per_s=round((self._step - last[1]) * per_step / (now - last[0])),
            seconds=round(self._seconds),
            spent=round(self._schedule.spent(self._step, self._seconds), 4),
        )
        return now, self._step

    def _evaluate(self) -> float:
        self._network.eval()
        limit = self._settings.evaluation.windows
        reading = read_held_out(
            self._network, self._tokenizer, self._validation, self._sizes, limit
        )
        bits = reading.total.value
        self._network.train()
        self._log.record(
            "validation", step=self._step, tokens=self._tokens(), bits_per_byte=round(bits, 4)
        )
        return bits

    def _decaying(self) -> bool:
        return self._schedule.decaying(self._step, self._seconds)

    def _newest(self) -> Path | None:
        """Return where to go on from: the plateau, where a larger budget takes back the decay."""
        newest = self._checkpoints.latest()
        if newest is not None and (state := read_state(newest)).decaying:
            plateau = self._plateau.latest()
            if plateau is not None and not self._schedule.decaying(state.step, state.seconds):
                return plateau
        return newest

    def _save(self, where: Checkpoints) -> Path:
        state = RunState(
            self._fingerprint,
            self._step,
            self._seconds,
            self._settings.model_dump(mode="json"),
            self._decaying(),
        )
        # The output layer is the embedding; one copy is saved.
        weights = {
            name.replace("_orig_mod.", ""): tensor.detach().cpu().contiguous()
            for name, tensor in self._network.state_dict().items()
            if name != "lm_head.weight"
        }
        optimizer, generator = self._optimizer.state_dict(), torch.get_rng_state()
        return where.save(Checkpoint(state, weights, optimizer, generator))

    def _resume(self, folder: Path) -> None:
        state = read_state(folder)
        if state.fingerprint != self._fingerprint:
            why = self._settings.differences(state.settings) or ["the corpus was prepared anew"]
            raise TrainingError(
                f"{folder} is from a different run: {'; '.join(why)}. Resume with its settings, or "
                "give this run a new name"
            )
        checkpoint = read_checkpoint(folder)
        missing, unknown = self._network.load_state_dict(checkpoint.weights, strict=False)
        if unknown or set(missing) - {"lm_head.weight"}:
            raise TrainingError(f"{folder} does not fit the network; delete it to go back one")
        self._optimizer.load_state_dict(checkpoint.optimizer)
        torch.set_rng_state(checkpoint.generator)
        self._step, self._seconds = state.step, state.seconds
        self._log.record("resumed", step=state.step, seconds=round(state.seconds))

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Let SIGINT and SIGTERM end the loop after the step in hand."""

        def stop(number: int, frame: FrameType | None) -> None:
            self._stopped = True

        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, stop) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)


def choose_device(wanted: str) -> torch.device:
    """Return the device to train on.

    Raises:
        TrainingError: CUDA is wanted and not there.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise TrainingError("device is cuda, but torch finds no CUDA device; use auto or cpu")
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)
