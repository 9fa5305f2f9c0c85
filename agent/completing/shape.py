"""All rules for where a completion ends, in one hand. Knows text alone."""

from .brackets import Brackets
from .lines import Lines
from .overlap import Overlap


class Shape:
    """Takes generated text as it comes and passes on what stays of it."""

    def __init__(self, prefix: str, suffix: str) -> None:
        """`prefix` and `suffix` are the text around the cursor."""
        before, after = prefix.rpartition("\n")[2], suffix.partition("\n")[0]
        self._brackets = Brackets(before, after)
        self._overlap = Overlap(suffix)
        self._lines = Lines(prefix, suffix)
        self._text = ""
        self._given = 0
        self.over = False
        """Whether nothing that is generated from here on stays."""

    @property
    def one_line(self) -> bool:
        """Whether nothing stays but the rest of the line."""
        return self._lines.one_line

    def push(self, text: str) -> str:
        """What surely stays now."""
        if self.over:
            return ""
        self._text += self._overlap.push(self._brackets.push(text))
        if self._brackets.over:
            self._text += self._overlap.finish()
        return self._give(ended=self._brackets.over or self._overlap.over)

    def finish(self) -> str:
        """What was held back and stays after all."""
        if self.over:
            return ""
        self._text += self._overlap.finish()
        return self._give(ended=True)

    def _give(self, *, ended: bool) -> str:
        size, self.over = self._lines.keep(self._text, ended=ended)
        given, self._given = self._text[self._given : size], size
        return given
