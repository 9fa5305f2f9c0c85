"""What a terminal shows of a run while it goes on: budget, losses, the last measurements.

    ━━━━━━━━━━━━━╸━━━━━━━━━━━━  47 %  0:32:10 so far, 0:36:20 left
    step 1240  loss 2.31  continuation 2.1  tokens_per_s 10400
                       600    750    900
    behind_tail_4x    0.12   0.14   0.15
    behind_tail_8x    0.09   0.10   0.12

Knows records, not what they mean.
"""

from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

COLUMNS = 6
"""Measurements that are shown, the newest last."""
BAR = 40
PLACES = ("step", "tokens")
"""What of a measurement is no figure."""
BUDGET = ("seconds", "spent")
"""What of a step the bar tells."""


class LiveView:
    """A live region at the end of a console; lines printed meanwhile stand above it."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False)
        self._step: Mapping[str, Any] = {}
        self._measured: deque[Mapping[str, Any]] = deque(maxlen=COLUMNS)

    def show(self, kind: str, values: Mapping[str, Any]) -> bool:
        """Take up a step or a measurement; False for what has no place here."""
        match kind:
            case "step":
                self._step = values
            case "validation":
                self._measured.append(values)
            case _:
                return False
        if not self._live.is_started:
            self._live.start()
        self._live.update(self._rendered(), refresh=True)
        return True

    def stop(self) -> None:
        """Leave the last state on the screen."""
        self._live.stop()

    def _rendered(self) -> RenderableType:
        parts: list[RenderableType] = []
        if self._step:
            parts += [self._budget(), _line(self._step)]
        if self._measured:
            parts.append(self._table())
        return Group(*parts)

    def _budget(self) -> RenderableType:
        spent, seconds = self._step["spent"], self._step["seconds"]
        left = seconds / spent - seconds if spent else 0.0
        told = f"{spent:4.0%}  {_clock(seconds)} so far, {_clock(left)} left"
        row = Table.grid(padding=(0, 1))
        row.add_row(ProgressBar(total=1, completed=min(1, spent), width=BAR), Text(told))
        return row

    def _table(self) -> RenderableType:
        table = Table(box=None, padding=(0, 1), pad_edge=False)
        table.add_column("")
        for measured in self._measured:
            table.add_column(str(measured.get("step", "")), justify="right")
        names = [name for name in self._measured[-1] if name not in PLACES]
        for name in names:
            table.add_row(name, *(short(measured.get(name, "")) for measured in self._measured))
        return table


def short(value: Any) -> str:
    """A value in a few characters."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _line(values: Mapping[str, Any]) -> Text:
    shown = {key: value for key, value in values.items() if key not in BUDGET}
    return Text("  ".join(f"{key} {short(value)}" for key, value in shown.items()))


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
