"""What a query asks, as gists: its question, and the text before its cursor. Knows tokens, no network's inside."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from ..ingest.ingest import Tokenizer
from .node_gists import Bits
from .query import FocusQuery, Position

CHARS_PER_TOKEN = 6
"""More than source text has, so that nearly always enough is tokenized, and never much too much."""


class TailGists(Protocol):
    """The gists of a question's and a tail's tokens, kept as long as they stay the same."""

    @property
    def tail_tokens(self) -> int:
        """How many tokens before the cursor are looked at."""
        ...

    def query(self, question: Sequence[int], tail: Sequence[int]) -> Bits:
        """First slots `[m, width]`, the end of the tail last."""
        ...


class QueryGists:
    """Gists of queries against one source."""

    def __init__(
        self, cache: TailGists, tokenizer: Tokenizer, read: Callable[[str], bytes | None]
    ) -> None:
        """`read` gives a file as it is now, None when it cannot be had."""
        self._cache = cache
        self._tokenizer = tokenizer
        self._read = read

    def gists(self, query: FocusQuery) -> Bits:
        """First slots `[m, width]`: the question's blocks, then those before the cursor, the nearest last.

        Where the cursor's file cannot be read, the query's window stands for the text before it.
        """
        read = self._before(query.at) if query.at else None
        tail = self._end(query.window if read is None else read)
        question, before = self._tokenizer.encode_batch([query.text, tail])
        return self._cache.query(
            np.asarray(question, np.int64).tolist(), np.asarray(before, np.int64).tolist()
        )

    def _before(self, at: Position) -> str | None:
        """The file's text up to the cursor, or None."""
        data = self._read(at.path)
        if data is None:
            return None
        lines = data.split(b"\n", at.line)[: at.line]
        if len(lines) == at.line:
            lines[-1] = lines[-1].decode("utf-8", "replace")[: at.column - 1].encode()
        return b"\n".join(lines).decode("utf-8", "replace")

    def _end(self, text: str) -> str:
        """As much as is looked at, from the start of a line unless the first ones are too long."""
        room = self._cache.tail_tokens * CHARS_PER_TOKEN
        start = max(0, len(text) - room)
        newline = text.find("\n", start, start + room // 2) if start else -1
        return text[max(start, newline + 1) :]
