"""The person's own editor, for a file at a line or for a text. Knows no widget; the terminal must be free."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from megacontext.configs.errors import MegaContextError

FALLBACKS = ("sensible-editor", "nano", "vim", "vi")
WITH_COLON = frozenset({"hx", "helix", "subl", "zed"})
WITH_GOTO = frozenset({"code", "code-insiders", "codium", "cursor"})


def command(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The editor as words of a command line; raises MegaContextError when there is none."""
    wish = environment.get("VISUAL") or environment.get("EDITOR") or ""
    if wish:
        try:
            words = shlex.split(wish)
        except ValueError as exc:
            raise MegaContextError(f"EDITOR={wish!r} is no command line: {exc}") from exc
        if words:
            return words
    found = next((name for name in FALLBACKS if shutil.which(name)), None)
    if found is None:
        raise MegaContextError("there is no editor; set the variable EDITOR to the one you like")
    return [found]


def at_line(words: list[str], path: Path, line: int) -> list[str]:
    """The command line that opens a file at a line."""
    name = Path(words[0]).name
    if name in WITH_GOTO:
        return [*words, "--wait", "--goto", f"{path}:{line}"]
    if name in WITH_COLON:
        return [*words, f"{path}:{line}"]
    return [*words, f"+{line}", str(path)]


def edit_file(path: Path, line: int = 1) -> None:
    """Open a file; returns when the editor is done. Raises MegaContextError."""
    _run(at_line(command(), path, line))


def edit_text(text: str, suffix: str = ".md") -> str:
    """What becomes of a text in the editor; raises MegaContextError."""
    with tempfile.TemporaryDirectory(prefix="megacontext-") as folder:
        path = Path(folder, f"text{suffix}")
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        _run([*command(), str(path)])
        try:
            return path.read_bytes().decode("utf-8", "surrogateescape")
        except OSError as exc:
            raise MegaContextError(f"the editor left no text behind: {exc.strerror}") from exc


def _run(words: list[str]) -> None:
    try:
        status = subprocess.call(words)
    except OSError as exc:
        raise MegaContextError(f"{words[0]} cannot be started: {exc.strerror}; set EDITOR") from exc
    if status:
        raise MegaContextError(f"{words[0]} ended with status {status}, so nothing was taken over")
