"""What a run tells: one JSON object a line in its log, a live view or plain lines on the screen, and
to whoever else wants to hear it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from .live_view import LiveView, short
from .settings import LoopSettings


class Listener(Protocol):
    """Hears every record of a run."""

    def hear(self, kind: str, values: Mapping[str, Any]) -> None:
        """Take one record."""

    def close(self) -> None:
        """No record comes after this."""


class RunLog:
    """Appends to `log.jsonl`; on a terminal it also keeps a live view, else it prints lines."""

    def __init__(self, path: Path, console: Console, listeners: Sequence[Listener] = ()) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._console = console
        self._listeners = listeners
        self._live = LiveView(console) if console.is_terminal else None

    def record(self, kind: str, **values: Any) -> None:
        """Write one record and show it."""
        self._file.write(json.dumps({"kind": kind, **values}) + "\n")
        self._file.flush()
        for listener in self._listeners:
            listener.hear(kind, values)
        if self._live is None or not self._live.show(kind, values):
            told = "  ".join(f"{key} {short(value)}" for key, value in values.items())
            self.say(f"{kind}: {told}")

    def say(self, text: str) -> None:
        """Show a line that is not worth a record."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """End the live view, let the listeners go and close the file."""
        if self._live is not None:
            self._live.stop()
        for listener in self._listeners:
            listener.close()
        self._file.close()


def open_log(settings: LoopSettings, folder: Path, console: Console) -> RunLog:
    """The log of a run in its folder, told to Weights & Biases too where the settings ask for it.

    Raises:
        TrainingError: they do, and its package is not there or refuses.
    """
    listeners = []
    if settings.wandb:
        from .wandb_run import WandbRun

        listeners.append(WandbRun(settings, folder))
    return RunLog(folder / "log.jsonl", console, listeners)


def read_log(path: Path, kind: str) -> list[dict[str, Any]]:
    """Return the records of one kind, in their order; a line cut short by a crash is left out."""
    records: list[dict[str, Any]] = []
    if not path.is_file():
        return records
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record.get("kind") == kind:
            records.append(record)
    return records
