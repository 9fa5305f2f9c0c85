"""Choose what a piece of code hides for fill-in-the-middle. Knows text and chance, no tokens.

Method: Bavarian et al. 2022, "Efficient Training of Language Models to Fill in the Middle", with
spans shaped like what an editor asks for: the rest of a line, whole lines, a stretch inside.
"""

import random

REST_OF_LINE = 0.45
WHOLE_LINES = 0.35
MAX_LINES = 8
MAX_STRETCH = 400

Span = tuple[int, int]
"""Character offsets [start, end) of the middle in its piece."""


def choose_span(text: str, chance: random.Random) -> Span | None:
    """Pick the middle of `text`, or None where every line is blank."""
    lines = code_lines(text)
    if not lines:
        return None
    draw = chance.random()
    if draw < REST_OF_LINE:
        start, end = chance.choice(lines)
        return chance.randrange(start, end), end
    if draw < REST_OF_LINE + WHOLE_LINES:
        first = chance.randrange(len(lines))
        last = min(len(lines) - 1, first + chance.randrange(MAX_LINES))
        return lines[first][0], lines[last][1]
    start = chance.randrange(len(text))
    return start, min(len(text), start + chance.randint(1, MAX_STRETCH))


def code_lines(text: str) -> list[Span]:
    """Return, for each line that is not blank, from its first sign to its last."""
    lines: list[Span] = []
    offset = 0
    for line in text.split("\n"):
        bare = line.strip()
        if bare:
            start = offset + line.index(bare)
            lines.append((start, start + len(bare)))
        offset += len(line) + 1
    return lines
