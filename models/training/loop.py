"""The training loop: its budget, its interruptions and its continuation.

Everything that decides a step (settings, data, step number) is saved with the weights, so a run that
is stopped and resumed takes the same steps as one that was not. Knows no model and no command line.
"""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import torch

from megacontext.configs.errors import TrainingError

from .checkpoint import Checkpoint, Checkpoints, RunState, read_checkpoint, read_state
from .log import RunLog
from .optimizer import MuonAdamW
from .provenance import provenance
from .schedule import Schedule
from .task import Moment, Task
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
    measured: dict[str, float] = field(default_factory=dict)
    """On held-out data, at the end."""
    checkpoint: str = ""


class TrainingLoop:
    """One run of a task in one folder.

    Args:
        task: what is trained, on what.
        folder: holds `checkpoints/`, and `plateau/` with the state from which a finished run can be
            lengthened.
        log: where the run reports to.

    Raises:
        TrainingError: the newest checkpoint belongs to a different run, or the device is not there.
    """

    def __init__(self, task: Task, folder: Path, log: RunLog) -> None:
        settings = task.settings
        self._settings = settings
        self._task = task
        self._log = log
        device = choose_device(settings.device)
        if settings.workers > 1 and device.type != "cpu":
            raise TrainingError(
                f"workers is {settings.workers}, but only processors share a batch; set it to 1"
            )
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        self._checkpoints = Checkpoints(folder / "checkpoints", settings.checkpoint.keep)
        self._plateau = Checkpoints(folder / "plateau", keep=1)
        self._schedule = Schedule(settings.schedule)
        self._learner = task.learner.to(device).train()
        self._optimizer = MuonAdamW(self._learner, settings.optimizer, task.rates)
        self._step = 0
        self._seconds = 0.0
        self._losses = {"loss": math.nan}
        self._stopped = False
        self._provenance = {**task.sources, **provenance()}
        newest = self._newest()
        if newest is not None:
            self._resume(newest)
        if settings.compile and device.type == "cuda":
            self._learner.compile_parts()

    def train(self) -> Summary:
        """Take steps until a budget is spent or SIGINT or SIGTERM comes; save; return the end.

        Raises:
            TrainingError: the loss is no longer a number.
        """
        begun = time.monotonic() - self._seconds
        reported, saved = (time.monotonic(), self._step), time.monotonic()
        every = self._settings.evaluation.every_steps
        decaying = self._decaying()
        with self._stopping(), self._workers() as workers:
            while not self._stopped and self._spent() < 1:
                if not decaying and self._decaying():
                    self._save(self._plateau)
                    decaying = True
                factor = self._schedule.factor(self._step, self._seconds)
                norm = self._take_step(workers, factor)
                self._seconds = time.monotonic() - begun
                if self._step % REPORT_STEPS == 0:
                    reported = self._report(factor, norm, reported)
                if self._step % every == 0:
                    self._measure()
                if time.monotonic() - saved > 60 * self._settings.checkpoint.minutes:
                    self._save(self._checkpoints)
                    saved = time.monotonic()
        path = self._save(self._checkpoints)
        return Summary(
            finished=not self._stopped,
            step=self._step,
            tokens=self._tokens(),
            seconds=self._seconds,
            loss=self._losses["loss"],
            measured=self._measure(),
            checkpoint=str(path),
        )

    def _workers(self) -> Workers:
        settings = self._settings
        return Workers(self._learner, self._task.build, settings.workers, settings.threads or 1)

    def _take_step(self, workers: Workers, factor: float) -> float:
        groups = self._settings.batch.accumulate
        moment = Moment(self._step, min(1.0, self._spent()))
        totals: dict[str, float] = {}
        for part in range(groups):
            rows = self._task.rows(self._step * groups + part)
            for name, value in workers.add_gradients(rows, moment, 1 / groups).items():
                totals[name] = totals.get(name, 0.0) + value
        if not math.isfinite(totals["loss"]):
            raise TrainingError(
                f"the loss at step {self._step} is {totals['loss']}; lower the learning rates and "
                "start a new run, or resume from the last checkpoint"
            )
        norm = self._optimizer.step(factor)
        self._step += 1
        self._losses = totals
        return norm

    def _tokens(self) -> int:
        batch = self._settings.batch
        return self._step * batch.accumulate * batch.windows * self._task.tokens_per_row

    def _report(self, factor: float, norm: float, last: tuple[float, int]) -> tuple[float, int]:
        now = time.monotonic()
        per_step = self._tokens() / self._step
        self._log.record(
            "step",
            step=self._step,
            **{name: round(value, 4) for name, value in self._losses.items()},
            lr_factor=round(factor, 4),
            grad_norm=round(norm, 3),
            tokens=self._tokens(),
            tokens_per_s=round((self._step - last[1]) * per_step / (now - last[0])),
            seconds=round(self._seconds),
            spent=round(self._spent(), 4),
        )
        return now, self._step

    def _measure(self) -> dict[str, float]:
        self._learner.eval()
        measured = self._task.measure()
        self._learner.train()
        told = {name: round(value, 4) for name, value in measured.items()}
        self._log.record("validation", step=self._step, tokens=self._tokens(), **told)
        return measured

    def _spent(self) -> float:
        return self._schedule.spent(self._step, self._seconds)

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
            self._task.fingerprint,
            self._step,
            self._seconds,
            self._settings.model_dump(mode="json"),
            self._decaying(),
            self._provenance,
        )
        weights = {
            name.replace("_orig_mod.", ""): tensor.detach().cpu().contiguous()
            for name, tensor in self._task.weights().items()
        }
        optimizer, generator = self._optimizer.state_dict(), torch.get_rng_state()
        return where.save(Checkpoint(state, weights, optimizer, generator))

    def _resume(self, folder: Path) -> None:
        state = read_state(folder)
        if state.fingerprint != self._task.fingerprint:
            why = self._settings.differences(state.settings) or self._other_sources(state)
            raise TrainingError(
                f"{folder} is from a different run: {'; '.join(why)}. Resume with its settings, or "
                "give this run a new name"
            )
        checkpoint = read_checkpoint(folder)
        try:
            self._task.load(checkpoint.weights)
        except RuntimeError as exc:
            raise TrainingError(
                f"{folder} does not fit the network ({exc}); delete it to go back one"
            ) from exc
        self._optimizer.load_state_dict(checkpoint.optimizer)
        torch.set_rng_state(checkpoint.generator)
        self._step, self._seconds = state.step, state.seconds
        self._log.record("resumed", step=state.step, seconds=round(state.seconds))

    def _other_sources(self, state: RunState) -> list[str]:
        """Name what the run of `state` was made from, and this one is not."""
        others = [
            f"the {name} was another one (hash {state.provenance[name]} there, {value} here)"
            for name, value in self._task.sources.items()
            if state.provenance.get(name, value) != value
        ]
        return others or ["the data was prepared anew, or the base is another one"]

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
