"""Finding the one place in a file that a model means: exactly, or but for what can be put right without guessing.

From strict to lenient: as written; without fence and line numbers; without regard to spaces at line ends; with another
indentation throughout. The first way that finds anything decides, and it must find one place alone.
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher, get_close_matches
from functools import partial
from itertools import accumulate

from megacontext.configs.errors import ToolError

from .mending import (
    Mended,
    first_indent,
    in_unit,
    indent_of,
    indent_unit,
    moved,
    unfenced,
    unnumbered,
)
from .text_file import plain

MAX_NAMED, MAX_SHOWN = 6, 30
"""Places named in a refusal, and lines shown."""
MAX_PLACES = 10_000
"""Places looked for."""
MAX_SEARCHED, LONGEST_COMPARED = 5_000, 200
"""Lines looked through for the place that is meant when none fits, and characters of each."""
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Replacement:
    """Characters `[start, end)` of the file's text, and what is to stand there, with `\\n` alone."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Matched:
    """Where `old` was found, and what was put right to find it."""

    replacements: tuple[Replacement, ...]
    notes: tuple[str, ...]


def find(text: str, old: str, new: str, *, everywhere: bool = False) -> Matched:
    """The place of `old` in `text`, or with `everywhere` all its places, and what replaces it.

    Raises ToolError when there is none (the nearest is named), or when there are several (they are named).
    """
    if not old.strip():
        raise ToolError(
            "`old` is empty; give the exact lines to replace, or use `write` for a new file"
        )
    old, new = plain(old), plain(new)
    for attempt in _attempts(text):
        matched = attempt(old, new)
        if matched is not None and matched.replacements:
            if len(matched.replacements) == 1:
                return matched
            if not everywhere:
                raise ToolError(_ambiguous(text, matched.replacements))
            if len(matched.replacements) == MAX_PLACES:
                raise ToolError(
                    f"`old` stands in {MAX_PLACES:,} places or more; use a script, with `run`"
                )
            return replace(matched, replacements=_apart(matched.replacements))
    raise ToolError(_missing(text, old, new))


def _apart(places: Sequence[Replacement]) -> tuple[Replacement, ...]:
    """Those that do not begin inside the one before."""
    kept: list[Replacement] = []
    for place in places:
        if not kept or place.start >= kept[-1].end:
            kept.append(place)
    return tuple(kept)


def _attempts(text: str) -> Iterator[Callable[[str, str], Matched | None]]:
    lines = Lines(text)
    yield partial(_exact, text)
    for clean in (unfenced, unnumbered, partial(unnumbered, loosely=True)):
        yield partial(_cleaned, text, lines, clean)
    yield lines.find


def _exact(text: str, old: str, new: str) -> Matched:
    """Places of `old`, whose line ends fit any kind of line end; those that overlap are several."""
    flat = plain(text)
    # Every \r\n before a place moves it by one character in the text as it is.
    moved_by = [found.start() - index for index, found in enumerate(re.finditer("\r\n", text))]
    found = []
    for at in _places(flat, old):
        start, end = (each + bisect_left(moved_by, each) for each in (at, at + len(old)))
        found.append(Replacement(start, end, new))
    return Matched(tuple(found), ())


def _places(text: str, wanted: str) -> Iterator[int]:
    at = text.find(wanted)
    for _ in range(MAX_PLACES):
        if at < 0:
            return
        yield at
        at = text.find(wanted, at + 1)


def _cleaned(
    text: str, lines: "Lines", clean: Callable[[str], Mended], old: str, new: str
) -> Matched | None:
    mended = clean(old)
    if not mended.notes or not mended.text.strip():
        return None
    # What was wrong with `old` is likely wrong with `new` as well.
    cleaned_new = clean(new).text
    exact = _exact(text, mended.text, cleaned_new)
    found = exact if exact.replacements else lines.find(mended.text, cleaned_new)
    return found and Matched(found.replacements, (*mended.notes, *found.notes))


class Lines:
    """The lines of a text with their places."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts: list[int] = [0]
        self.ends: list[int] = []
        for found in _LINE_END.finditer(text):
            self.ends.append(found.start())
            self.starts.append(found.end())
        self.ends.append(len(text))
        self.lines = [text[a:b] for a, b in zip(self.starts, self.ends, strict=True)]

    def find(self, old: str, new: str) -> Matched | None:
        """Whole lines that are `old` but for spaces at their ends, or but for the same shift of all their lines."""
        wanted, above, below = _trimmed(old)
        inserted = _without(new, above, below)
        own = [line.strip() for line in self.lines]
        places = list(_positions(own, [line.strip() for line in wanted]))
        same = [at for at in places if self._same_indent(at, wanted)]
        if same:
            note = "looked past white space at the ends"
            found = [self._replacement(at, len(wanted), inserted) for at in same]
            return Matched(tuple(found), (note,))
        unit = indent_unit(self.lines)
        for fit in (list, lambda lines: in_unit(lines, unit).text.split("\n")):
            old_lines, new_lines = fit(wanted), fit(inserted)
            found = [
                self._replacement(at, len(wanted), moved(new_lines, first_indent(old_lines), here))
                for at in places
                if _same_shift(self.lines[at : at + len(wanted)], old_lines)
                for here in [first_indent(self.lines[at : at + len(wanted)])]
            ]
            if found:
                note = "looked past another indentation, and gave the new lines the file's"
                return Matched(tuple(found), (note,))
        return None

    def _same_indent(self, at: int, wanted: Sequence[str]) -> bool:
        return all(
            indent_of(self.lines[at + i]) == indent_of(line)
            for i, line in enumerate(wanted)
            if line.strip()
        )

    def _replacement(self, at: int, count: int, body: list[str]) -> Replacement:
        start, last = self.starts[at], at + count - 1
        if not body and last + 1 < len(self.starts):
            return Replacement(start, self.starts[last + 1], "")
        return Replacement(start, self.ends[last], "\n".join(body))


def _trimmed(text: str) -> tuple[list[str], int, int]:
    """Lines without the blank ones before and behind, and how many of each there were."""
    lines = text.split("\n")
    full = [index for index, line in enumerate(lines) if line.strip()]
    if not full:
        return [], len(lines), 0
    return lines[full[0] : full[-1] + 1], full[0], len(lines) - 1 - full[-1]


def _without(text: str, above: int, below: int) -> list[str]:
    """Lines without so many blank ones before and behind, as far as there are any."""
    lines = text.split("\n")
    while lines and below and not lines[-1].strip():
        lines.pop()
        below -= 1
    while lines and above and not lines[0].strip():
        lines.pop(0)
        above -= 1
    return [] if lines == [""] else lines


def _positions(lines: Sequence[str], wanted: Sequence[str]) -> Iterator[int]:
    """Where `wanted` stands among lines."""
    text = "\n".join(["", *lines, ""])
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    for place in _places(text, "\n".join(["", *wanted, ""])):
        yield bisect_left(starts, place)


def _same_shift(here: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether all lines differ by the same indentation from what is wanted."""
    pairs = [
        (len(indent_of(a).expandtabs(8)), len(indent_of(b).expandtabs(8)))
        for a, b in zip(here, wanted, strict=True)
        if a.strip()
    ]
    return len({a - b for a, b in pairs}) == 1


def line_of(text: str, place: int) -> int:
    """The 1-based line of a character."""
    return sum(1 for _ in _LINE_END.finditer(text, 0, place)) + 1


def _ambiguous(text: str, places: Sequence[Replacement]) -> str:
    named = ", ".join(str(line_of(text, place.start)) for place in places[:MAX_NAMED])
    more = f" and {len(places) - MAX_NAMED} more" if len(places) > MAX_NAMED else ""
    return (
        f"`old` stands {len(places)} times in the file, at lines {named}{more}; "
        "add lines around it until it fits one place alone, or set `all` to true to replace each"
    )


def _missing(text: str, old: str, new: str) -> str:
    body = "\n".join(_trimmed(new)[0])
    if body and (places := _exact(text, body, "").replacements):
        at = line_of(text, places[0].start)
        return f"`old` is not in the file, but `new` is, at line {at}: the edit seems to be made already"
    near = _nearest(text, _trimmed(old)[0])
    return "`old` is not in the file" + (
        f". The nearest is:\n{near}" if near else "; read the file"
    )


def _nearest(text: str, wanted: list[str]) -> str:
    """The lines that are most like those wanted, numbered; "" when none is."""
    lines = [line[:LONGEST_COMPARED] for line in Lines(text).lines[:MAX_SEARCHED]]
    wanted = [line[:LONGEST_COMPARED] for line in wanted[:MAX_SHOWN]]
    own = [line.strip() for line in lines]
    key = max(wanted, key=lambda line: len(line.strip()))
    close = get_close_matches(key.strip(), {line for line in own if line}, n=3, cutoff=0.6)
    offset = wanted.index(key)
    starts = [
        max(0, at - offset)
        for line in close
        for at in [i for i, each in enumerate(own) if each == line][:3]
    ]
    if not starts:
        return ""
    joined = "\n".join(line.strip() for line in wanted)

    def likeness(start: int) -> float:
        here = "\n".join(own[start : start + len(wanted)])
        return SequenceMatcher(None, here, joined, autojunk=False).quick_ratio()

    best = max(starts, key=likeness)
    shown = lines[best : best + len(wanted)]
    return "\n".join(f"{best + 1 + i:>5}| {line}" for i, line in enumerate(shown))
