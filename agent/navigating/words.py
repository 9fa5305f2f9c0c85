"""The name at a place in a text. Knows text alone."""

import re
from dataclasses import dataclass

_WORD = re.compile(r"\w+")
_QUALIFIER = re.compile(r"(\w+)\s*(?:\.|::|->|\?\.)\s*\Z")
LONGEST = 120
"""Characters of a name; what is longer is none."""


@dataclass(frozen=True, slots=True)
class Word:
    """A name with what stands before its dot."""

    name: str
    start: int
    """Characters before it."""
    qualifier: str
    """`words` in `words.word_for`; "" where there is none."""

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.name)


def word_at(text: str, offset: int) -> Word | None:
    """The name that a place is in or touches; None where there is none."""
    line = text.rfind("\n", 0, offset) + 1
    first = max(line, offset - 2 * LONGEST)
    for found in _WORD.finditer(text, first, offset + LONGEST + 1):
        if found.start() <= offset <= found.end():
            if len(found[0]) > LONGEST or found[0].isdigit():
                return None
            before = _QUALIFIER.search(text, first, found.start())
            return Word(found[0], found.start(), before[1] if before else "")
        if found.start() > offset:
            break
    return None
