"""The figures of a run as Weights & Biases shows them; for those who ask. Knows figures and the `wandb` package."""

import os
from collections.abc import Sequence
from pathlib import Path

from megacontext.configs.errors import ModelError
from megacontext.models.training.wandb_run import PROJECT

from .figures import Figure
from .run_folder import RunFolder


def check_wandb() -> None:
    """See that it can be told, before hours of measuring. Raises ModelError without the package."""
    try:
        import wandb  # noqa: F401
    except ImportError as exc:
        raise ModelError(
            "telling Weights & Biases needs `wandb`; run `pip install megacontext[wandb]`"
        ) from exc


def tell_wandb(folder: RunFolder, figures: Sequence[Figure], plots: Sequence[Path]) -> None:
    """Send means, ends of intervals and plots. `WANDB_MODE=offline` writes to the run's folder alone.

    Raises ModelError where it refuses.
    """
    check_wandb()
    import wandb

    about = folder.about
    name = f"{about['suite']}-{about['fingerprint']}"
    try:
        run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            job_type="eval",
            group=about["suite"],
            name=name,
            config={part: about[part] for part in ("settings", "model", "data")},
            dir=folder.path,
            settings=wandb.Settings(console="off", quiet=True),
        )
    except wandb.errors.Error as exc:
        raise ModelError(
            f"Weights & Biases refuses ({exc}); run `wandb login`, or set WANDB_MODE=offline"
        ) from exc
    numbers: dict[str, float] = {}
    for each in figures:
        ends = zip(("low", "mean", "high"), each.interval, strict=True)
        numbers |= {f"{each.arm}/{each.name}/{end}": value for end, value in ends}
    run.log({**numbers, **{path.stem: wandb.Image(str(path)) for path in plots}})
    run.finish()
