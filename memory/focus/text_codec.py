"""A cut as text: directory lines, file outlines, chunk signatures, and verbatim chunks.

Works with every base model, remote ones included. Knows no score and no budget. What is verbatim is checked
against the bytes of its file when it is read: stale memory is listed as stale, never shown.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from megacontext.models.base import Segment, Special, Text, TextCounter, Tokens

from ..catalogue import ChunkRecord
from ..tree.keys import digest
from .codec import Rendering, Shown, WorkingEntry
from .lru import Lru
from .node import BLOCK, CHUNK, DIRECTORY, FILE, TEXT_LEVELS, TOKENS, Node
from .outlines import chunk_signature, directory_line, file_outline
from .tree_view import TreeView

GAP = "..."
"""Stands where something is left out between two entries of a file."""
SEPARATOR = "<|file_sep|>"
"""The special token of Qwen coders before a file's path, as people see it."""
CACHED_COUNTS = 65_536


class ChunkTokens(Protocol):
    """The tokens of chunks, from L0 of a tree or counted anew."""

    def counts(self, chunks: Sequence[ChunkRecord]) -> list[int]:
        """How many tokens each chunk has."""

    def tokens(self, chunk: ChunkRecord) -> Sequence[int] | None:
        """Token ids of a chunk; None where the model has none to give (remote ones)."""


class TextCodec:
    """Costs and rendering of text entries.

    `counter` counts outlines and headers in the base model's tokens; `read` gives the bytes of a path as an
    editor or the disk has them now (None: gone); `separated` says that the model has that special token.
    """

    levels = TEXT_LEVELS

    def __init__(
        self,
        tree: TreeView,
        tokens: ChunkTokens,
        counter: TextCounter,
        read: Callable[[str], bytes | None],
        *,
        separated: bool = False,
        numbered: bool = False,
    ) -> None:
        self.tree = tree
        self._tokens = tokens
        self._counter = counter
        self._read = read
        self._separated = separated
        self._numbered = numbered
        self._texts: Lru[str, int] = Lru(CACHED_COUNTS)
        self._verbatim: Lru[bytes, int] = Lru(CACHED_COUNTS)
        self._outlines: dict[Node, int] = {}
        self._outlined_at = tree.version

    # Cost

    def prepare(self, nodes: Sequence[Node]) -> None:
        """Read the token counts of many chunks (L2 or L0 nodes) at once."""
        chunks = [self.tree.chunk(node) for node in nodes if node.level <= CHUNK]
        missing = {
            chunk.digest: chunk for chunk in chunks if self._verbatim.get(chunk.digest) is None
        }
        if missing:
            for key, count in zip(
                missing, self._tokens.counts(list(missing.values())), strict=True
            ):
                self._verbatim.put(key, count)

    def cost(self, node: Node, after: Node | None) -> int:
        """Positions of `node` behind the spoken node `after`, its header or gap included."""
        mark = self._separated and self._opens(node, after)
        return mark + self._count(self._lead(node, after)) + self._body_cost(node)

    def _body_cost(self, node: Node) -> int:
        if node.level != TOKENS:
            return self._outline_cost(node)
        if (known := self._verbatim.get(node.digest)) is None:
            self.prepare([node])
            known = self._verbatim.get(node.digest) or 0
        return known

    def _outline_cost(self, node: Node) -> int:
        if self._outlined_at != self.tree.version:
            self._outlined_at = self.tree.version
            self._outlines.clear()
        if node not in self._outlines:
            self._outlines[node] = self._count(self._body(node))
        return self._outlines[node]

    def _count(self, text: str) -> int:
        known = self._texts.get(text)
        if known is None:
            known = self._counter.count(text) if text else 0
            self._texts.put(text, known)
        return known

    # Rendering

    def render(self, entries: Sequence[WorkingEntry]) -> Rendering:
        """Render the spoken entries of a cut, given in reading order.

        Chunks whose file has changed are left out, and their paths named in `stale`.
        """
        shown: list[Shown] = []
        stale: dict[str, None] = {}
        contents: dict[str, bytes | None] = {}
        after: Node | None = None
        for entry in entries:
            if entry.silent:
                continue
            body = self._readable(entry, contents)
            parts = None if body is None else self._segments(entry.node, body)
            if body is None or parts is None:
                stale[entry.path] = None
                continue
            lead = self._lead(entry.node, after)
            marked = self._separated and self._opens(entry.node, after)
            mark = [Special("file_sep")] if marked else []
            text = SEPARATOR * marked + lead + body
            shown.append(Shown(entry, text, (*mark, *([Text(lead)] if lead else []), *parts)))
            after = entry.node
        return Rendering(tuple(shown), tuple(stale))

    def _readable(self, entry: WorkingEntry, contents: dict[str, bytes | None]) -> str | None:
        """The entry's own text; None when it is stale. `contents` holds the files that were read so far."""
        if entry.level == TOKENS:
            return self._verbatim_text(entry.node, contents)
        return self._body(entry.node)

    def _segments(self, node: Node, body: str) -> list[Segment] | None:
        """The entry's own part of the prompt; None when there is none to give now."""
        ids = self._tokens.tokens(self.tree.chunk(node)) if node.level == TOKENS else None
        return [Text(body) if ids is None else Tokens(tuple(ids))]

    def _lead(self, node: Node, after: Node | None) -> str:
        if self._opens(node, after):
            return self._header(node, first=after is None)
        return f"{GAP}{self._line(node, ' line ')}\n" if self._leaves_gap(node, after) else ""

    def _verbatim_text(self, node: Node, contents: dict[str, bytes | None]) -> str | None:
        chunk = self.tree.chunk(node)
        if node.path not in contents:
            contents[node.path] = self._read(node.path)
        data = contents[node.path]
        piece = None if data is None else data[chunk.start : chunk.end]
        if piece is None or digest(piece) != chunk.digest:
            return None
        return piece.decode("utf-8", "replace")

    # Text

    def _header(self, node: Node, *, first: bool) -> str:
        # The text before may lack its last line end.
        apart = "" if self._separated or first else "\n"
        if node.level == DIRECTORY:
            return apart
        mark = "" if self._separated else "### "
        return f"{apart}{mark}{self.tree.shown(node.path)}{self._line(node, ':')}\n"

    def _line(self, node: Node, before: str) -> str:
        if not self._numbered:
            return ""
        scope = self.tree.chunk(node).symbol.rpartition(".")[0] if node.level <= BLOCK else ""
        return f"{before}{self.tree.span(node)[0]}" + f" (in {scope})" * bool(scope)

    def _opens(self, node: Node, after: Node | None) -> bool:
        """Whether a file begins here, or directories behind a file."""
        if node.level == DIRECTORY:
            return after is not None and after.level != DIRECTORY
        return after is None or after.level == DIRECTORY or after.path != node.path

    def _leaves_gap(self, node: Node, after: Node | None) -> bool:
        """Whether a reader could not tell that something stands between two entries of a file."""
        if after is None or after == node or node.level == DIRECTORY:
            return False
        whole = (node.level <= BLOCK) + (after.level <= BLOCK)
        if whole == 2:
            return node.start > after.start + 1
        # Signatures follow each other without a sign, unless their lines are to be told.
        return whole == 1 or self._numbered

    def _body(self, node: Node) -> str:
        if node.level == DIRECTORY:
            return directory_line(node, self.tree)
        if node.level == FILE:
            return file_outline(self.tree.chunks(node), self.tree.symbols_of(node.path))
        return chunk_signature(self.tree.chunk(node))
