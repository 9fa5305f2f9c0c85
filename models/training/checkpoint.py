"""Checkpoints of a run: written whole or not at all, the last few kept. Knows files, no training.

checkpoints/step-00001200/{model.safetensors, optimizer.pt, state.json}
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from megacontext.configs.errors import TrainingError


@dataclass(frozen=True)
class RunState:
    """Where a run stands, apart from its tensors."""

    fingerprint: str
    """Of the settings and the data that the checkpoint belongs to."""
    step: int
    """Optimizer steps done; with the seed it also says which windows were read."""
    seconds: float
    """Time that the run has taken, over all its continuations."""
    settings: dict[str, Any]
    decaying: bool = False
    """Whether the learning rate was on its way down already."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Hashes of what the run was made from, the code's commit, versions of libraries."""


@dataclass(frozen=True)
class Checkpoint:
    """All that a run needs to go on exactly."""

    state: RunState
    weights: dict[str, Tensor]
    optimizer: dict[str, Any]
    generator: Tensor
    """State of torch's random number generator."""


class Checkpoints:
    """The checkpoints of one run folder."""

    def __init__(self, folder: Path, keep: int = 2) -> None:
        self._folder = folder
        self._keep = keep

    def latest(self) -> Path | None:
        """Return the newest whole checkpoint's folder, or None."""
        found = self._all()
        return found[-1] if found else None

    def save(self, checkpoint: Checkpoint) -> Path:
        """Write beside, then rename: a reader or a crash never meets half a checkpoint."""
        self._folder.mkdir(parents=True, exist_ok=True)
        final = self._folder / f"step-{checkpoint.state.step:08d}"
        part = self._folder / f".part-{os.getpid()}"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        save_file(checkpoint.weights, part / "model.safetensors", metadata={"format": "pt"})
        torch.save(
            {"optimizer": checkpoint.optimizer, "generator": checkpoint.generator},
            part / "optimizer.pt",
        )
        (part / "state.json").write_text(json.dumps(asdict(checkpoint.state)), encoding="utf-8")
        shutil.rmtree(final, ignore_errors=True)
        part.replace(final)
        # What is newer was left behind when the run went back to its plateau.
        before = [other for other in self._all() if other.name <= final.name]
        for other in {*self._all()} - {*before[-self._keep :]}:
            shutil.rmtree(other)
        return final

    def _all(self) -> list[Path]:
        return sorted(self._folder.glob("step-" + "[0-9]" * 8))


def read_state(folder: Path) -> RunState:
    """Read where a checkpoint stands, without its tensors.

    Raises:
        TrainingError: the folder is no checkpoint.
    """
    try:
        return RunState(**json.loads((folder / "state.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as exc:
        raise TrainingError(f"{folder} is no checkpoint ({exc}); delete it to go back one") from exc


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a whole checkpoint; only tensors and plain values are unpickled.

    Raises:
        TrainingError: a file is missing or broken.
    """
    state = read_state(folder)
    try:
        weights = load_file(folder / "model.safetensors")
        rest = torch.load(folder / "optimizer.pt", weights_only=True, map_location="cpu")
        return Checkpoint(state, weights, rest["optimizer"], rest["generator"])
    except Exception as exc:
        raise TrainingError(f"{folder} is broken ({exc}); delete it to go back one") from exc
