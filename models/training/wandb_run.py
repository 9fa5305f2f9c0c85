"""A run as Weights & Biases shows it; for those who ask. Knows records and the `wandb` package.

`WANDB_MODE=offline` writes to the run's folder alone; project, entity and the rest are set by its own
environment variables too.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from megacontext.configs.errors import TrainingError

from .settings import LoopSettings

PROJECT = "megacontext"


class WandbRun:
    """Hears the records of one start of a run; its continuations are in one group by its name.

    Raises:
        TrainingError: the package is not installed, or it refuses to begin.
    """

    def __init__(self, settings: LoopSettings, folder: Path) -> None:
        try:
            import wandb
        except ImportError as exc:
            raise TrainingError(
                "logging to Weights & Biases needs `wandb`; run `pip install megacontext[wandb]`"
            ) from exc
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", PROJECT),
                name=settings.name,
                group=settings.name,
                config=settings.model_dump(mode="json"),
                dir=folder,
                settings=wandb.Settings(console="off", quiet=True),
            )
        except wandb.errors.Error as exc:
            raise TrainingError(
                f"Weights & Biases refuses ({exc}); run `wandb login`, or set WANDB_MODE=offline"
            ) from exc

    def hear(self, kind: str, values: Mapping[str, Any]) -> None:
        """Send the figures of a record, named by its kind."""
        numbers = {
            f"{kind}/{name}": value
            for name, value in values.items()
            if isinstance(value, int | float) and name != "step"
        }
        self._run.log(numbers, step=values.get("step"))

    def close(self) -> None:
        """Send what is left."""
        self._run.finish()
