"""What the commands that measure share: files that are merged, progress, and how to measure again."""

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import typer

from megacontext.configs.errors import SettingsError

from ..console import progress_bar

NO_FIGURES = {"day", "out", "as_json"}
"""Options on which no figure depends."""


def command_line(context: typer.Context, day: date) -> str:
    """The command that gives the same figures again: what was typed, and the day."""
    assert context.parent is not None
    words = ["megacontext", context.parent.info_name, context.info_name, "--date", day.isoformat()]
    for option in context.command.params:
        name = option.name or ""
        source, value = context.get_parameter_source(name), context.params.get(name)
        if source is None or source.name != "COMMANDLINE" or name in NO_FIGURES:
            continue
        if isinstance(value, bool):
            words.append(option.opts[0] if value else option.secondary_opts[0])
        else:
            words += [option.opts[0], str(value)]
    return shlex.join(map(str, words))


def read_text(path: Path | None) -> str | None:
    """The text of a file that was named. Raises SettingsError where it is none."""
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{path} cannot be read as text ({exc}); give another file") from exc


def read_json(path: Path | None) -> dict[str, Any] | None:
    """The JSON object in a file that was named. Raises SettingsError where there is none."""
    if path is None:
        return None
    try:
        found = json.loads(read_text(path) or "")
    except ValueError as exc:
        raise SettingsError(f"{path} is no JSON ({exc}); give a JSON file of figures") from exc
    if not isinstance(found, dict):
        raise SettingsError(f"{path} holds no JSON object; give one with figures by name")
    return found


@contextmanager
def stages(shown: bool) -> Iterator[Callable[[str, int], Callable[[], None]]]:
    """A progress bar for each stage of the measuring."""
    from megacontext.memory.ingest.report import Progress

    with progress_bar(shown) as show:

        def on_stage(name: str, total: int) -> Callable[[], None]:
            numbers = count(1)
            return lambda: show(Progress(name, next(numbers), total))

        yield on_stage
