"""Stops a completion before the bracket or quote that stands behind the cursor already. Knows text alone."""

OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = frozenset(OPENING.values())
QUOTES = frozenset("\"'`")


class Scan:
    """Brackets that are open, and the quote that is, character by character; roughly, as no language is known."""

    def __init__(self, quote: str = "") -> None:
        self.depth = 0
        """Below 0: so many brackets are closed that were opened before."""
        self.quote = quote
        self._escaped = False

    def take(self, char: str) -> bool:
        """Read on; whether the quote that was open is closed now."""
        if self.quote:
            return self._inside(char)
        if char in QUOTES:
            self.quote = char
        elif char in OPENING:
            self.depth += 1
        elif char in CLOSING:
            self.depth -= 1
        return False

    def _inside(self, char: str) -> bool:
        closes = char == self.quote and not self._escaped
        self._escaped = char == "\\" and not self._escaped
        if closes or char == "\n":
            self.quote = ""
        return closes


class Brackets:
    """Passes on what closes nothing that the rest of the line closes."""

    def __init__(self, before: str, after: str) -> None:
        """`before` and `after` are the line of the cursor."""
        start = Scan()
        for char in before:
            start.take(char)
        self._scan = Scan(start.quote)
        self._keeps_quote = bool(start.quote) and start.quote in after
        self._keeps_brackets = _closes(after, start.quote if self._keeps_quote else "")
        self._was_quoted = self._keeps_quote
        self.over = False

    def push(self, text: str) -> str:
        """What may stay; nothing more once something was taken off."""
        if self.over:
            return ""
        for at, char in enumerate(text):
            closed = self._scan.take(char)
            if closed and self._was_quoted:
                self.over = True
                return text[:at]
            if self._keeps_brackets and self._scan.depth < 0:
                self.over = True
                return text[:at]
        return text


def _closes(after: str, quote: str) -> bool:
    """Whether the rest of a line closes a bracket that it does not open."""
    scan = Scan(quote)
    for char in after:
        scan.take(char)
        if scan.depth < 0:
            return True
    return False
