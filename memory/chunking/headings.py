"""Sections of documents by their headings: Markdown, reStructuredText and plain text.

Knows no grammar; a fenced block is skipped as a whole, so a `#` inside it is no heading.
"""

import re
from typing import NamedTuple

from .cuts import Cut, Role
from .outline import first_line, plain
from .prose import text_cuts
from .records import Symbol
from .weight import LIMIT, Weights

_FENCED = rb"^[ ]{0,3}(?P<fence>`{3,}|~{3,})[^\n]*(?:\n(?![ ]{0,3}(?P=fence))[^\n]*)*+\n?[^\n]*"
_HASHES = rb"^[ ]{0,3}(?P<hashes>#{1,6})[ \t]+(?P<title>[^\n]*)"
_UNDERLINED = rb"^(?P<above>[^\s][^\n]*)\n(?P<under>(?P<mark>[%s])(?P=mark){2,})[ \t\r]*$"
_MARKDOWN = re.compile(
    b"|".join((_FENCED, _HASHES, (_UNDERLINED % rb"=\-").replace(b"{2,}", b"+"))), re.MULTILINE
)
_RST = re.compile(_UNDERLINED % rb"=\-~^\"'`#*+.:_", re.MULTILINE)
_NAMES_IN_BACKTICKS = re.compile(rb"`([A-Za-z_][\w.:]{1,100})(?:\(\))?`")

_MAX_TITLE = 200


class Heading(NamedTuple):
    """A heading: where its section starts, its level from 1, and its text."""

    position: int
    level: int
    title: str
    body: int
    """Where the text below the heading starts."""


def find_headings(data: bytes, language: str) -> list[Heading]:
    """All headings in order. Levels of underlined ones follow the order of first appearance."""
    found: list[Heading] = []
    marks: dict[bytes, int] = {}
    for match in (_MARKDOWN if language == "markdown" else _RST).finditer(data):
        groups = match.groupdict()
        if hashes := groups.get("hashes"):
            level, title = len(hashes), match["title"].strip().rstrip(b"#")
        elif (under := groups.get("under")) and _is_heading(match["above"], under):
            title = match["above"]
            if language == "markdown":
                level = 1 if under[:1] == b"=" else 2
            else:
                level = marks.setdefault(under[:1], len(marks) + 1)
        else:
            continue
        if text := plain(title, _MAX_TITLE):
            start = data.rfind(b"\n", 0, match.start()) + 1
            found.append(Heading(_with_overline(data, start), level, text, match.end()))
    return found


def _is_heading(title: bytes, underline: bytes) -> bool:
    text = title.decode("utf-8", "replace").rstrip()
    return len(underline) >= min(len(text), 200) and any(c.isalnum() for c in text)


def _with_overline(data: bytes, position: int) -> int:
    """The start of the line above if that is an overline of a title (reStructuredText)."""
    above = data.rfind(b"\n", 0, max(position - 1, 0)) + 1
    line = data[above:position].strip()
    overline = len(line) >= 3 and line == line[:1] * len(line) and line[:1] in b"=-~^\"'`#*+"
    return above if overline else position


def heading_cuts(data: bytes, weights: Weights, headings: list[Heading]) -> list[Cut]:
    """Cuts at headings; a section over the limit is also cut at its paragraphs."""
    starts = [heading.position for heading in headings]
    cuts: list[Cut] = []
    if not starts or starts[0] > 0:
        first = starts[0] if starts else len(data)
        cuts.extend(text_cuts(data, weights, 0, first, 1))
    for heading, end in zip(headings, [*starts[1:], len(data)][: len(headings)], strict=True):
        start = heading.position
        if weights[end] - weights[start] <= LIMIT:
            cuts.append(Cut(start, heading.level, Role.DEFINITION, False))
            continue
        cuts.append(Cut(start, heading.level, Role.HEADER, False))
        paragraphs = text_cuts(data, weights, start, end, heading.level + 1)
        below = next((cut for cut in paragraphs[1:] if cut.position > heading.body), None)
        cuts.extend(cut for cut in paragraphs[1:] if below and cut.position > below.position)
    return cuts


def heading_symbols(data: bytes, headings: list[Heading]) -> list[Symbol]:
    """A symbol for each heading; its range is the section with its subsections."""
    symbols: list[Symbol] = []
    open_headings: list[Heading] = []
    line, counted = 1, 0
    ends = _section_ends(headings, len(data))
    for heading, end in zip(headings, ends, strict=True):
        while open_headings and open_headings[-1].level >= heading.level:
            open_headings.pop()
        title_at = max(heading.position, data.find(heading.title.encode()[:20], heading.position))
        line += data.count(b"\n", counted, title_at)
        counted = title_at
        symbols.append(
            Symbol(
                name=heading.title,
                kind="heading",
                start=heading.position,
                end=end,
                line=line,
                scope=".".join(outer.title for outer in open_headings),
                signature=heading.title,
                doc=first_line(data[heading.body : heading.body + 400]),
            )
        )
        open_headings.append(heading)
    return symbols


def _section_ends(headings: list[Heading], size: int) -> list[int]:
    """For each heading the start of the next one of its level or above."""
    ends = [size] * len(headings)
    waiting: list[int] = []
    for index, heading in enumerate(headings):
        while waiting and headings[waiting[-1]].level >= heading.level:
            ends[waiting.pop()] = heading.position
        waiting.append(index)
    return ends


def names_in_text(data: bytes) -> list[tuple[int, int]]:
    """Byte ranges of the identifiers that a document puts in backticks."""
    return [match.span(1) for match in _NAMES_IN_BACKTICKS.finditer(data)]
