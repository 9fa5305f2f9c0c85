"""Edits that are only proposed: kept in memory, for somebody else to make. Writes no file.

What was proposed is what tools read from then on, so that one edit can follow another.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from megacontext.configs.errors import ToolError

from . import inside
from .change import Change
from .journal import Journal
from .steps import Step
from .text_file import BOM


class Pages:
    """The `Editor` of a draft: what was proposed goes before what an editor has open."""

    def __init__(self, open_texts: Mapping[str, str]) -> None:
        self.open = open_texts
        self.proposed: dict[str, str] = {}

    def text(self, path: str) -> str | None:
        """A file as it would be."""
        return self.proposed.get(path, self.open.get(path))

    def put(self, path: str, text: str) -> bool:
        """Propose a text."""
        self.proposed[path] = text
        return True


class Draft(Journal):
    """Takes the place of the journal of a session that writes nothing."""

    def __init__(self, root: Path, folder: Path, open_texts: Mapping[str, str]) -> None:
        """`folder` holds nothing; `open_texts` are what an editor has open, by path."""
        self.pages = Pages(open_texts)
        super().__init__(root, folder, self.pages)
        self._before: dict[str, str | None] = {}

    @property
    def proposed(self) -> dict[str, tuple[str | None, str]]:
        """Each file with its text before (None: there is none yet) and after."""
        return {
            path: (self._before[path], text)
            for path, text in self.pages.proposed.items()
            if self._before[path] != text
        }

    def apply(self, changes: Iterable[Change], summary: str) -> Step:
        """Propose these changes; raises ToolError for what an editor cannot show, and where files have changed."""
        wanted = [change for change in changes if not change.is_empty]
        for change in wanted:
            self._expect(change)
        texts = [(change.path, _text(change)) for change in wanted]
        for path, text in texts:
            self._before.setdefault(path, self._now(path))
            self.pages.put(path, text)
        step = Step(self._history.last + 1, self.turn, summary, ())
        self._history = self._history.added(step)
        return step

    def _expect(self, change: Change) -> int | None:
        is_new = change.before is None and self._before.get(change.path, "") is None
        return None if is_new else super()._expect(change)

    def _now(self, path: str) -> str | None:
        if path in self.pages.open:
            return self.pages.open[path]
        found = inside.read(self.root, path)
        return None if found is None else found.data.removeprefix(BOM).decode("utf-8")


def _text(change: Change) -> str:
    if change.after is None:
        raise ToolError(f"{change.path} cannot be deleted by an edit that is only proposed")
    try:
        for data in (change.before or b"", change.after):
            text = data.removeprefix(BOM).decode("utf-8")
    except UnicodeDecodeError as exc:
        raise ToolError(
            f"{change.path} is not UTF-8, so an editor would not show it as it is"
        ) from exc
    return text
