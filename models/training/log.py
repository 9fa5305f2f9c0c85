"""What a run tells: one JSON object a line in its log, and one line on the screen."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status


class RunLog:
    """Appends to `log.jsonl`; on a terminal it also keeps one live line, else it prints lines."""

    def __init__(self, path: Path, console: Console) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")
        self._console = console
        self._live: Status | None = None

    def record(self, kind: str, **values: Any) -> None:
        """Write one record and show it."""
        self._file.write(json.dumps({"kind": kind, **values}) + "\n")
        self._file.flush()
        text = "  ".join(f"{key} {_short(value)}" for key, value in values.items())
        if self._console.is_terminal and kind == "step":
            self._show_live(text)
        else:
            self.say(f"{kind}: {text}")

    def say(self, text: str) -> None:
        """Show a line that is not worth a record."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """End the live line and close the file."""
        if self._live is not None:
            self._live.stop()
        self._file.close()

    def _show_live(self, text: str) -> None:
        if self._live is None:
            self._live = self._console.status(text)
            self._live.start()
        self._live.update(text)


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


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
