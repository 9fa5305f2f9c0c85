"""The places that an answer names as path:line, checked against what there is. Knows text, paths and lines."""

import re
from collections.abc import Callable, Sequence

from megacontext.memory.focus import Span

from .events import Citation

PATH = r"(?:[\w.@+-]+/)*[\w.@+-]*[\w@+-]"
LINES = r"`?:(?P<first>[0-9]{1,7})(?:[-–](?P<last>[0-9]{1,7}))?(?!\w)"
FILE_NAME = re.compile(r".*(?:/|\.[A-Za-z]\w{0,9}$)")
"""What is named like a file: `main.py` or `src/Makefile`, unlike the host in `localhost:8000`."""


def citations(
    answer: str, read: Sequence[Span], lines_of: Callable[[str], int | None]
) -> list[Citation]:
    """Every place that `answer` names, once, in order.

    `read` are the spans that the model has read; `lines_of` tells how many lines a path of the repository has
    (None: there is no such file). A path may be given by its end if only one of those read fits.
    """
    paths = sorted({span.path for span in read}, key=len, reverse=True)
    # Paths that were read are looked for as they are, since they may hold any character.
    either = "|".join([*map(re.escape, paths), PATH])
    found = re.finditer(rf"(?<![\w/.:@-])(?:\./)?(?P<path>{either}){LINES}", answer)
    cited: dict[Citation, None] = {}
    for match in found:
        path = _meant(match["path"], paths)
        lines = lines_of(path)
        if lines is not None or FILE_NAME.match(path):
            first = int(match["first"])
            cited[_judged(path, first, int(match["last"] or first), read, lines)] = None
    return list(cited)


def _meant(path: str, read: Sequence[str]) -> str:
    ending = [each for each in read if each.endswith(f"/{path}")]
    return ending[0] if len(ending) == 1 and path not in read else path


def _judged(path: str, first: int, last: int, read: Sequence[Span], lines: int | None) -> Citation:
    if lines is None or not 1 <= first <= last <= lines:
        return Citation(path, first, last, "invented")
    seen = any(span.overlaps(path, first, last) for span in read)
    return Citation(path, first, last, "read" if seen else "unread")
