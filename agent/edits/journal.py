"""The one way in which tools write files, and the way back.

Every edit is a step: contents before and after are kept, the step is noted, then the files are replaced. A file that
somebody else has changed is never overwritten, neither by a step nor by its undoing. Works without git; knows no chat
beyond the number of a turn.
"""

import errno
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from megacontext.configs.errors import MegaContextError, StoreFullError, ToolError, UndoError

from . import editor as editing
from . import inside
from .blobs import Blobs
from .change import Change
from .editor import Editor
from .steps import FileStep, History, Step, StepLog

MAX_SHOWN = 2_000
"""Characters of a difference in a refusal."""


@dataclass(frozen=True, slots=True)
class Reversal:
    """What an undo or a redo did."""

    steps: tuple[Step, ...]
    """In the order in which they were made."""
    changes: tuple[Change, ...]
    """What happened to the files now; a file that was so already is left out."""

    @property
    def turns(self) -> tuple[int, ...]:
        """The turns of the conversation that the steps belong to, in order."""
        return tuple(sorted({step.turn for step in self.steps}))


class Journal:
    """The edits of one session. Threads may share it."""

    def __init__(self, root: Path, folder: Path, editor: Editor | None = None) -> None:
        """`folder` keeps the journal; it need not exist. Files that an `editor` shows are read and written there.

        Raises UndoError when the journal cannot be read.
        """
        self.root = root
        self.folder = folder
        self.editor = editor
        self.turn = 0
        """The turn of the conversation that new steps belong to."""
        self._log = StepLog(folder / "steps.jsonl")
        self._blobs = Blobs(folder / "contents")
        self._lock = threading.RLock()
        try:
            self._history = self._log.read()
        except (OSError, KeyError, TypeError) as exc:
            raise UndoError(f"{folder} cannot be read; delete it to start a new journal") from exc

    @property
    def history(self) -> History:
        """What is done and what was undone."""
        return self._history

    # Forward

    def apply(self, changes: Iterable[Change], summary: str) -> Step:
        """Make these changes, all or none, as one step.

        Raises ToolError when a file is no longer as `before` says, StoreFullError when the disk is full.
        """
        wanted = [change for change in changes if not change.is_empty]
        if not wanted:
            raise ToolError("nothing changes: the file is so already")
        with self._lock:
            modes = [self._expect(change) for change in wanted]
            files = self._kept(wanted, modes)
            step = Step(self._history.last + 1, self.turn, summary, files)
            self._note(lambda: self._log.add(step))
            try:
                self._replace(list(zip(wanted, files, strict=True)))
            except MegaContextError:
                # On a full disk the step then reads as done; undoing it changes nothing.
                with suppress(OSError):
                    self._log.note("failed", number=step.number)
                raise
            self._history = self._history.added(step)
            return step

    def _expect(self, change: Change) -> int | None:
        """The permission bits of a file that is as `before` says."""
        if (reason := inside.kept_from_tools(change.path)) is not None:
            raise ToolError(reason)
        limit = None if self.editor else len(change.before or b"") + 1
        found = inside.read(self.root, change.path, limit)
        if self._shown(change.path, found.data if found else None) != change.before:
            raise ToolError(f"{change.path} has changed in the meantime; read it again")
        return found.mode if found else None

    def _kept(self, changes: Sequence[Change], modes: Sequence[int | None]) -> tuple[FileStep, ...]:
        try:
            return tuple(
                FileStep(
                    change.path,
                    self._keep(change.before),
                    self._keep(change.after),
                    mode,
                    inside.missing_folders(self.root, change.path),
                )
                for change, mode in zip(changes, modes, strict=True)
            )
        except OSError as exc:
            raise _unkept(self.folder, exc) from exc

    def _keep(self, data: bytes | None) -> str | None:
        return None if data is None else self._blobs.keep(data)

    def _note(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as exc:
            raise _unkept(self.folder, exc) from exc

    def _replace(self, changes: Sequence[tuple[Change, FileStep]]) -> None:
        """Replace files, all or none."""
        for index, (change, file) in enumerate(changes):
            try:
                self._put(change, file)
            except MegaContextError:
                for earlier, its_file in reversed(changes[:index]):
                    with suppress(MegaContextError):
                        self._put(earlier.reversed, its_file)
                raise

    def _put(self, change: Change, file: FileStep) -> None:
        if change.after is None:
            inside.remove(self.root, change.path, file.folders)
        elif self.editor is None or not editing.put(self.editor, change.path, change.after):
            # A file that is there keeps the permissions it has by now.
            mode = file.mode if change.before is None else None
            inside.replace(self.root, change.path, change.after, mode)

    def _shown(self, path: str, disk: bytes | None) -> bytes | None:
        return disk if self.editor is None else editing.shown(self.editor, path, disk)

    # Back and forth

    def undo(self, since: int | None = None) -> Reversal:
        """Undo every step of a turn and of those behind it (default: of the turn of the last step).

        Raises UndoError when there is none, or when a file was changed by somebody else since; then nothing happens.
        """
        with self._lock:
            done = self._history.done
            if since is None:
                since = done[-1].turn if done else 0
            first = next((i for i, step in enumerate(done) if step.turn >= since), len(done))
            return self._undo(done[first:])

    def _undo(self, steps: tuple[Step, ...]) -> Reversal:
        if not steps:
            raise UndoError("there is no edit to undo")
        changes = self._reverse(_joined(steps), backwards=True)
        self._note(lambda: self._log.note("undo", count=len(steps)))
        self._history = self._history.undo(len(steps))
        return Reversal(steps, changes)

    def redo(self) -> Reversal:
        """Do again what was undone last; raises UndoError as `undo` does."""
        with self._lock:
            if not self._history.undone:
                raise UndoError("there is no edit to do again")
            steps = self._history.undone[-1]
            changes = self._reverse(_joined(steps), backwards=False)
            self._note(lambda: self._log.note("redo"))
            self._history = self._history.redo()
            return Reversal(steps, changes)

    def _reverse(self, files: Sequence[FileStep], *, backwards: bool) -> tuple[Change, ...]:
        changes: list[tuple[Change, FileStep]] = []
        for file in files:
            old, new = self._content(file.before), self._content(file.after)
            change = Change(file.path, new, old) if backwards else Change(file.path, old, new)
            current = self._current(file.path)
            if current == change.after:
                if backwards and current is None:
                    inside.remove(self.root, file.path, file.folders)
                continue
            if current != change.before:
                raise UndoError(_conflict(Change(file.path, change.before, current)))
            changes.append((change, file))
        try:
            self._replace(changes)
        except ToolError as exc:
            raise UndoError(str(exc)) from exc
        return tuple(change for change, _ in changes)

    def _current(self, path: str) -> bytes | None:
        try:
            found = inside.read(self.root, path)
        except ToolError as exc:
            raise UndoError(str(exc)) from exc
        return self._shown(path, found.data if found else None)

    def _content(self, name: str | None) -> bytes | None:
        return None if name is None else self._blobs.read(name)

    def changes_of_step(self, number: int) -> tuple[Change, ...]:
        """What one step did to files; nothing when it was undone."""
        return tuple(
            Change(file.path, self._content(file.before), self._content(file.after))
            for step in self._history.done
            if step.number == number
            for file in step.files
        )

    def changes_of(self, turn: int) -> tuple[Change, ...]:
        """What a turn did to files, taken together; what it took back itself is left out."""
        steps = tuple(step for step in self._history.done if step.turn == turn)
        changes = (
            Change(file.path, self._content(file.before), self._content(file.after))
            for file in _joined(steps)
        )
        return tuple(change for change in changes if not change.is_empty)


def _joined(steps: Sequence[Step]) -> list[FileStep]:
    """What steps did to each file, taken together."""
    files: dict[str, FileStep] = {}
    for file in (file for step in steps for file in step.files):
        first = files.get(file.path)
        files[file.path] = (
            file
            if first is None
            else FileStep(
                file.path, first.before, file.after, first.mode, (*first.folders, *file.folders)
            )
        )
    return list(files.values())


def _conflict(change: Change) -> str:
    diff = change.diff
    shown = diff if len(diff) <= MAX_SHOWN else f"{diff[:MAX_SHOWN]}…"
    return f"{change.path} was changed by somebody else since, so nothing was undone; the change:\n{shown}"


def _unkept(folder: Path, exc: OSError) -> StoreFullError | ToolError:
    if exc.errno in {errno.ENOSPC, errno.EDQUOT}:
        return StoreFullError("the disk is full, so the edit was not made: it could not be undone")
    return ToolError(f"{folder} cannot be written ({exc.strerror}), so the edit was not made")


def tidy(folder: Path, most_bytes: int, keep: Path) -> None:
    """Delete the journals in `folder` that were used longest ago, until it takes at most `most_bytes`; never `keep`."""
    sizes = {each: _size(each) for each in folder.iterdir() if each.is_dir() and each != keep}
    total = sum(size for size, _ in sizes.values()) + _size(keep)[0]
    for each, (size, _) in sorted(sizes.items(), key=lambda item: item[1][1]):
        if total <= most_bytes:
            return
        shutil.rmtree(each, ignore_errors=True)
        total -= size


def _size(folder: Path) -> tuple[int, float]:
    """Bytes in a folder, and when anything in it was changed last."""
    stats = [path.lstat() for path in folder.rglob("*")] if folder.exists() else []
    return sum(each.st_size for each in stats), max((each.st_mtime for each in stats), default=0.0)
