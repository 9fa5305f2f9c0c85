"""The learning rate over a run: warm-up, plateau, decay. Knows budgets, no clock and no optimizer.

A warm-up-stable-decay schedule (Hu et al. 2024, "MiniCPM") can be lengthened by resuming from its
plateau, and a budget in hours ends with a fully decayed model whatever the machine's speed.
"""

from dataclasses import dataclass

from .settings import ScheduleSettings


@dataclass(frozen=True)
class Schedule:
    """Reads the rate off the step and the seconds that the run has taken so far."""

    settings: ScheduleSettings

    def spent(self, step: int, seconds: float) -> float:
        """Return the share of the budget that is gone, 1 or more at the end."""
        shares = [0.0]
        if self.settings.total_steps is not None:
            shares.append(step / self.settings.total_steps)
        if self.settings.max_hours is not None:
            shares.append(seconds / (3600 * self.settings.max_hours))
        return max(shares)

    def decaying(self, step: int, seconds: float) -> bool:
        """Return whether the plateau has ended."""
        return 1.0 - self.spent(step, seconds) < self.settings.decay_share

    def factor(self, step: int, seconds: float) -> float:
        """Return what the peak rate is multiplied with in step `step` (from 0), in [0, 1]."""
        rise = min(1.0, (step + 1) / max(1, self.settings.warmup_steps))
        left = max(0.0, 1.0 - self.spent(step, seconds))
        return rise * min(1.0, left / self.settings.decay_share)
