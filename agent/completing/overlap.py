"""A completion that runs into the text behind the cursor is cut where that begins. Knows text alone."""

SAME_TEXT = 8
"""Characters, spaces aside, from which on an equal text is a repetition and no chance: a bracket is none."""


class Overlap:
    """Passes streamed text on, but holds back an end that may be the start of `following`."""

    def __init__(self, following: str) -> None:
        """`following` is the text behind the cursor."""
        self._following = following
        self._whole = weight(following) >= SAME_TEXT
        self._held = ""
        self.over = False
        """Whether all of it was repeated."""

    def push(self, text: str) -> str:
        """What is surely no repetition; nothing more once all of `following` was repeated."""
        if self.over:
            return ""
        held = self._held + text
        at = next((at for at in range(len(held)) if self._repeats(held[at:])), len(held))
        self._held = held[at:]
        self.over = self._whole and len(self._held) >= len(self._following)
        return held[:at]

    def finish(self) -> str:
        """What was held back and is too little to be a repetition."""
        return "" if weight(self._held) >= SAME_TEXT else self._held

    def _repeats(self, end: str) -> bool:
        return self._following.startswith(end) or (self._whole and end.startswith(self._following))


def weight(text: str) -> int:
    """Characters of a text, spaces aside."""
    return sum(not char.isspace() for char in text)
