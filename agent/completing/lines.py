"""Where a completion ends, told from lines and their indents. Knows text alone, of any language."""

from collections.abc import Iterable

from .overlap import SAME_TEXT, weight

OPENS = (":", "{")
"""Ends of a line behind which a block stands."""
CLOSES = (")", "]", "}")
INDENT = " \t"


class Lines:
    """What of a generated text belongs to the thought that it continues.

    In the middle of a line that is the rest of it. On an empty line it is the paragraph, behind a line that opens a
    block the block. A line that stands right before or behind the cursor already is not written again.
    """

    def __init__(self, prefix: str, suffix: str) -> None:
        before, _, self._line = prefix.rpartition("\n")
        after, _, following = suffix.partition("\n")
        self._previous = _first_line(reversed(before.split("\n")))
        self._next = _first_line(following.split("\n"))
        self._opens = self._line.rstrip().endswith(OPENS)
        self._indent = _indent(self._line)
        self._goes_on = bool(after.strip())
        self.one_line = self._goes_on or bool(self._line.strip() and not self._opens)
        """Whether nothing stays but the rest of the line."""

    def keep(self, text: str, *, ended: bool) -> tuple[int, bool]:
        """How many characters of a generated text stay for sure, and whether nothing behind them will.

        `ended` says that no more is to come. Of a longer text never less stays.
        """
        size = at = 0
        previous, blank = self._previous, False
        for number, line in enumerate(text.split("\n")):
            done = ended or at + len(line) < len(text)
            whole = line if number else self._line + line
            if not line.strip():
                if done and (self.one_line or (number and blank)):
                    return size, True
                blank = number > 0
            else:
                if number and self._leaves(whole, blank=blank):
                    return size, True
                if self._repeats(whole, previous, done=done, fresh=number > 0):
                    return size, done
                # Spaces before what follows on the line are part of it; at its end they are none of anything.
                size = at + len(line if done and self._goes_on else line.rstrip())
                if done and (self.one_line or (number and self._closes(whole))):
                    return size, True
                previous, blank = whole, False
            at += len(line) + 1
        return size, ended

    def _leaves(self, line: str, *, blank: bool) -> bool:
        """Whether a line belongs to another block or paragraph."""
        depth = _indent(line)
        if self._opens:
            return depth <= self._indent and not self._closes(line)
        return depth < self._indent or (blank and depth == self._indent)

    def _closes(self, line: str) -> bool:
        """Whether a line closes the block that is being written."""
        own = self._opens and _indent(line) == self._indent
        return own and line.lstrip(INDENT).startswith(CLOSES)

    def _repeats(self, line: str, previous: str, *, done: bool, fresh: bool) -> bool:
        """Whether a line is one that stands there, or may become it while it is not done.

        The one behind the cursor may be as short as a bracket where all of the line is new.
        """
        line = line.rstrip()
        behind = self._next if fresh or not self._line.strip() else _heavy(self._next)
        return _same(line.lstrip(), _heavy(previous).strip(), done=done) or _same(
            line, behind, done=done
        )


def _same(line: str, known: str, *, done: bool) -> bool:
    return bool(known) and (line == known if done else known.startswith(line))


def _heavy(line: str) -> str:
    return line if weight(line) >= SAME_TEXT else ""


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(INDENT))


def _first_line(lines: Iterable[str]) -> str:
    return next((line.rstrip() for line in lines if line.strip()), "")
