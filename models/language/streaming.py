"""Tokens to text while they arrive: whole characters, and stop strings that never show.

Knows token ids and strings; it does not know where they come from.
"""

from collections.abc import Callable, Sequence

from ..base import Piece

_BROKEN = "\ufffd"


class Detokenizer:
    """Turns a growing list of tokens into text without ever giving half a character.

    It decodes a short window twice, with and without the newest tokens, and gives what was added.
    The window keeps the tokens before it, since some tokenizers drop a leading space.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._window: list[int] = []
        self._given = 0  # tokens at the start of the window whose text was given

    def push(self, token: int) -> str:
        """The text that `token` completes, or '' while a character is still open."""
        self._window.append(token)
        return self._take(whole=True)

    def flush(self) -> str:
        """What is left at the end, with U+FFFD for a character that was never completed."""
        return self._take(whole=False)

    def _take(self, whole: bool) -> str:
        before = self._decode(self._window[: self._given])
        text = self._decode(self._window)
        if len(text) <= len(before) or (whole and text.endswith(_BROKEN)):
            return ""
        self._window = self._window[self._given :]
        self._given = len(self._window)
        return text[len(before) :]


class StopFilter:
    """Passes text on until a stop string appears, which may lie across many pushes."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """The text that is safe to show. After a stop string, `stopped` is set and all is ''."""
        if self.stopped:
            return ""
        self._held += text
        found = [at for at in map(self._held.find, self._stops) if at >= 0]
        if found:
            self.stopped = True
            shown, self._held = self._held[: min(found)], ""
            return shown
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown

    def flush(self) -> str:
        """What was held back because it might have become a stop string."""
        shown, self._held = self._held, ""
        return shown


class PieceMaker:
    """Gathers tokens into pieces of text: a `Detokenizer`, then a `StopFilter`."""

    def __init__(
        self, decode: Callable[[Sequence[int]], str], stops: Sequence[str], skip: int = 0
    ) -> None:
        """`skip`: characters at the beginning that the prompt has already."""
        self._skip = skip
        self._text = Detokenizer(decode)
        self._filter = StopFilter(stops)
        self._ids: list[int] = []
        self._logprobs: list[float] = []

    @property
    def stopped(self) -> bool:
        """Whether a stop string was met."""
        return self._filter.stopped

    def push(self, token: int, logprob: float) -> Piece | None:
        """A piece, as soon as there is text to show."""
        self._ids.append(token)
        self._logprobs.append(logprob)
        return self._piece(self._filter.push(self._new(self._text.push(token))))

    def flush(self) -> Piece | None:
        """The last piece: whatever was held back and no stop string took away."""
        text = self._filter.push(self._new(self._text.flush()))
        return self._piece(text + self._filter.flush())

    def _new(self, text: str) -> str:
        new = text[self._skip :]
        self._skip -= len(text) - len(new)
        return new

    def _piece(self, text: str) -> Piece | None:
        if not text:
            return None
        piece = Piece(text, tuple(self._ids), tuple(self._logprobs))
        self._ids, self._logprobs = [], []
        return piece


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that is a start of `stop`, but not all of it."""
    longest = min(len(text), len(stop) - 1)
    return next((n for n in range(longest, 0, -1) if text.endswith(stop[:n])), 0)
