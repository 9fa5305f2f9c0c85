"""The old turns of a conversation as a source of their own, a tree beside the repository's that is focused as it is.

Turns are indexed as documents, with a heading for each thing done, so that what a turn was about can be read as a gist
or an outline, and what matters for a question verbatim. The documents are made from the conversation; their tokens and
gists are kept in the session's folder, so that they are made once. Knows no prompt.
"""

import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from megacontext.configs.errors import FocusError, StoreBusyError, StoreError
from megacontext.memory.focus import Focused, FocusQuery, Rendering, WorkingEntry, focus
from megacontext.memory.left_out import NothingLeftOut
from megacontext.memory.memory import Memory
from megacontext.memory.places import Places

from ...codecs import Lens
from ...engine import Engine
from ...events import Provenance
from ..conversation import Turn
from ..prompts import SESSION

FOLDER = "memory"
"""In the session's folder."""
LONGEST_NAME = 60
"""Characters of what was asked, in the name of a turn."""
LONGEST_RESULT = 1_500
"""Characters of a tool's result that are remembered; the files themselves are in the repository's own memory."""


class SessionSource:
    """Turns that no longer stand in the prompt."""

    name = "session"
    heading = SESSION
    closing = ""

    def __init__(self, engine: Engine, folder: Path, share: float = 1.0) -> None:
        """`folder` is the session's; nothing is written there before there is something to remember.

        `share` is what it may take of a budget.
        """
        self.share = share
        self.problem: str | None = None
        """Why turns are not remembered; None while all are."""
        self._engine = engine
        self._places = Places(folder, FOLDER)
        self._texts: dict[str, bytes] = {}
        self._memory: Memory | None = None
        self._lens: Lens | None = None
        self._previous: Focused | None = None

    def __len__(self) -> int:
        return len(self._texts) if self._lens else 0

    def close(self) -> None:
        """Let other processes have it."""
        if self._memory is not None:
            self._memory.close()
        self._memory = self._lens = None

    def take(self, turns: Sequence[Turn]) -> None:
        """Remember turns; one with the number of an earlier one takes its place. `problem` says what went wrong."""
        self._drop(turns)
        self._texts |= {path_of(turn): document(turn).encode("utf-8", "replace") for turn in turns}
        self._update()

    def forget(self, turns: Iterable[Turn]) -> None:
        """Forget turns, such as those that were undone."""
        if self._drop(turns):
            self._update()

    def _drop(self, turns: Iterable[Turn]) -> bool:
        """Take out what was said in turns of these numbers; whether there was anything."""
        numbers = tuple(_number(turn) for turn in turns)
        paths = [path for path in self._texts if path.startswith(numbers)]
        for path in paths:
            del self._texts[path]
        return bool(paths)

    def _update(self) -> None:
        """Make the memory equal to the texts; one that was left by another process may hold more, or less."""
        try:
            memory = self._memory = self._memory or self._opened()
            ingest = memory.writer
            ingest.overlays = self._texts
            with ingest.lock:
                known = ingest.catalogue.stamps("files")
            ingest.apply([*{**known, **self._texts}])
            self._lens = self._engine.lens(memory)
            self.problem = None
        except StoreError as exc:
            self.problem = f"what left the prompt is not remembered for now: {exc}"

    def _opened(self) -> Memory:
        try:
            return self._open()
        except StoreBusyError:
            raise
        except StoreError:
            # Everything in it can be made again.
            shutil.rmtree(self._places.state, ignore_errors=True)
            return self._open()

    def _open(self) -> Memory:
        workplace = self._engine.workplace
        tokenizer = workplace.tokenizer
        return Memory.open(self._places, workplace.spec(), tokenizer, NothingLeftOut(), write=True)

    def focus(self, query: FocusQuery) -> Focused | None:
        """What of the turns a query deserves, starting from what the one before got; None before there are any."""
        if self._memory is None or self._lens is None or not len(self):
            return None
        lens, before = self._lens, self._previous.cut if self._previous else None
        # What is pinned or shown already is of the repository.
        asked = replace(query, pins=(), exclude=())
        with self._memory.reading():
            self._previous = focus(lens.tree, asked, lens.plain, lens.scorer, before)
        return self._previous

    def render(self, entries: Sequence[WorkingEntry]) -> Rendering:
        """What a model reads of some entries, in reading order."""
        memory, lens = self._opened_lens()
        with memory.reading():
            return lens.plain.render(entries)

    def _opened_lens(self) -> tuple[Memory, Lens]:
        if self._memory is None or self._lens is None:
            raise FocusError("nothing of this session has left the prompt yet")
        return self._memory, self._lens

    def text_of(self, entry: WorkingEntry, focused: Focused) -> str | None:
        """The chunk of an entry."""
        memory, _ = self._opened_lens()
        with memory.reading():
            return memory.text_of(focused.cut.tree.chunk(entry.node))

    def provenance(self, entry: WorkingEntry) -> Provenance:
        """Nothing to tell: it was said here."""

    def is_current(self, entry: WorkingEntry) -> bool:
        """Whether a turn is still remembered as it was."""
        return self._memory is not None and self._memory.holds(entry.path, entry.node.digest)


def path_of(turn: Turn) -> str:
    """The name of a turn's document: names sort as turns do, and a list of them is a table of contents."""
    words = "-".join(re.findall(r"\w+", turn.text.strip().partition("\n")[0]))
    return f"{_number(turn)}{words[:LONGEST_NAME].rstrip('-').lower()}.md"


def _number(turn: Turn) -> str:
    return f"turn-{turn.number:05d}-"


def document(turn: Turn) -> str:
    """A turn as Markdown: what was asked, what was done, what was answered."""
    first, _, rest = turn.text.strip().partition("\n")
    parts = [f"# Turn {turn.number}: {first}\n", rest]
    subjects = {call.id: f"{call.name} {call.arguments}" for call in turn.calls}
    for message in turn.said[1:]:
        text = str(message.content).strip()
        if message.role == "tool":
            shown = text[:LONGEST_RESULT] + "\n…" * (len(text) > LONGEST_RESULT)
            parts.append(
                f"\n## {subjects.get(message.call_id or '', 'result')}\n\n{_quoted(shown)}\n"
            )
        elif message.role == "assistant" and text:
            parts.append(f"\n## Answer\n\n{text}\n")
    if turn.ending not in (None, "done"):
        parts.append(f"\nThe turn ended: {turn.ending}, {turn.detail}\n")
    return "\n".join(part for part in parts if part)


def _quoted(text: str) -> str:
    # Indented, so that a heading in a result is no heading of the document.
    return "\n".join(f"    {line}" for line in text.split("\n"))
