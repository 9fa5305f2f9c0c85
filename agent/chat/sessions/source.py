"""The old turns of a conversation as a source of their own, focused by the same allocator as the repository.

Turns are indexed as documents, with a heading for each thing done, so that what a turn was about can be read as an
outline, and what matters for a question verbatim. The index is made from the conversation and kept in memory. Knows no
model but its counter of tokens.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from megacontext.memory.catalogue import Catalogue, ChunkRecord
from megacontext.memory.catalogue.schema import migrate
from megacontext.memory.chunking import ChunkedFile, chunk_file
from megacontext.memory.focus import (
    FeatureScorer,
    Focused,
    FocusQuery,
    Rendering,
    TextCodec,
    TreeView,
    WorkingEntry,
    focus,
)
from megacontext.memory.ingest.facts import FactsWriter
from megacontext.memory.ingest.reading import FileText
from megacontext.memory.tree.keys import digest
from megacontext.models.base import TextCounter

from ..conversation import Turn
from ..prompts import SESSION

SOURCE = 1
LONGEST_RESULT = 1_500
"""Characters of a tool's result that are remembered; the files themselves are in the repository's own memory."""


class SessionSource:
    """Turns that no longer stand in the prompt."""

    heading = SESSION

    def __init__(self, name: str, counter: TextCounter) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        migrate(self._db)
        self._db.execute(
            "INSERT INTO sources(id, kind, name) VALUES (?, 'session', ?)", (SOURCE, name)
        )
        self._facts = FactsWriter(self._db, SOURCE)
        self._texts: dict[str, bytes] = {}
        self._counter = counter
        tree = TreeView(Catalogue(self._db, SOURCE))
        self._codec = TextCodec(tree, self, counter, self._texts.get)
        self._scorer = FeatureScorer(tree)
        self._tree = tree
        self._previous: Focused | None = None

    def __len__(self) -> int:
        return len(self._texts)

    def close(self) -> None:
        """Free the index."""
        self._db.close()

    def take(self, turns: Sequence[Turn]) -> None:
        """Remember turns; one with the number of an earlier one takes its place."""
        files = []
        for turn in turns:
            path, data = path_of(turn), document(turn).encode("utf-8", "replace")
            self._texts[path] = data
            files.append(
                (
                    FileText(path, data, digest(data), int(turn.started * 1e9)),
                    chunk_file(path, data),
                )
            )
        self._write(files, ())

    def forget(self, turns: Sequence[Turn]) -> None:
        """Forget turns, such as those that were undone."""
        paths = {path_of(turn) for turn in turns} & self._texts.keys()
        for path in paths:
            del self._texts[path]
        self._write([], paths)

    def _write(self, files: Sequence[tuple[FileText, ChunkedFile]], gone: Iterable[str]) -> None:
        self._db.execute("BEGIN")
        self._facts.replace(files)
        self._facts.remove(gone)
        self._db.execute("COMMIT")

    def focus(self, query: FocusQuery) -> Focused:
        """What of the turns a query deserves, starting from what the one before got."""
        before = self._previous.cut if self._previous else None
        self._previous = focus(self._tree, query, self._codec, self._scorer, before)
        return self._previous

    def render(self, entries: Sequence[WorkingEntry]) -> Rendering:
        """What a model reads of some entries, in reading order."""
        return self._codec.render(entries)

    def is_current(self, entry: WorkingEntry) -> bool:
        """Whether a turn is still remembered."""
        return entry.path in self._texts

    # The tokens of chunks, for the codec

    def counts(self, chunks: Sequence[ChunkRecord]) -> list[int]:
        """How many tokens each chunk has."""
        return [self._counter.count(self._text(chunk)) for chunk in chunks]

    def tokens(self, chunk: ChunkRecord) -> None:
        """Say that there are no ids: a chunk is given as text."""

    def _text(self, chunk: ChunkRecord) -> str:
        return self._texts.get(chunk.path, b"")[chunk.start : chunk.end].decode("utf-8", "replace")


def path_of(turn: Turn) -> str:
    """The name of a turn's document; names sort as turns do."""
    return f"turn-{turn.number:05d}.md"


def document(turn: Turn) -> str:
    """A turn as Markdown: what was asked, what was done, what was answered."""
    first, _, rest = turn.text.strip().partition("\n")
    parts = [f"# Turn {turn.number}: {first}\n", rest]
    subjects = {call.id: f"{call.name} {call.arguments}" for call in turn.calls}
    for message in turn.messages[1:]:
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
