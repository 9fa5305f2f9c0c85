"""What is put right in code that a model wrote: fences, line numbers, indentation. Says what it did; guesses nothing.

Knows text alone. Lines end with `\\n` here.
"""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd

FENCE = re.compile(r"\s*(?P<mark>```+|~~~+)[^\n`]*\n(?P<code>.*?)\n?(?P=mark)\s*", re.DOTALL)
NUMBERED = re.compile(r" *(?P<number>[0-9]{1,7}) ?(?:\||│|→|\t)(?P<text>.*)", re.DOTALL)
NUMBERED_LOOSELY = re.compile(r" *(?P<number>[0-9]{1,7})(?::|\.)? (?P<text>.*)", re.DOTALL)
_MARK = r"(?:#|//|/\*|--|<!--|\{/\*|;|%)[ \t]*"
_WHAT = r"(?:code|lines?|methods?|functions?|class|body|file|imports?|implementation|definitions?|content)"
_SAME = r"(?:\.\.\.+|…|unchanged|here|as (?:before|is)|(?:the )?same)"
ELISION = re.compile(
    rf"[ \t]*(?:{_MARK}[\[(]?(?:\.\.\.+|…)(?:.*\b(?:{_WHAT}|{_SAME}|rest)\b.*|\W*)"
    rf"|{_MARK}[\[(]?(?:the )?(?:rest|remainder|remaining|existing|other|previous)\b.*\b{_WHAT}\b.*{_SAME}.*"
    rf"|[\[(]?(?:\.\.\.+|…)[ \t]*(?:the )?(?:rest|remaining|existing|other|previous|same|unchanged)\b.*)",
    re.IGNORECASE,
)
"""A line that stands for code which was left out: `# ... existing code ...`, `// rest of the file unchanged`."""
LONGEST_ELISION = 200


@dataclass(frozen=True, slots=True)
class Mended:
    """Text, and what was done to it."""

    text: str
    notes: tuple[str, ...] = ()

    def then(self, other: "Mended") -> "Mended":
        """`other`, made of this one, with the notes of both."""
        return Mended(other.text, (*self.notes, *other.notes))


def unfenced(text: str) -> Mended:
    """Code without the Markdown fence around all of it."""
    found = FENCE.fullmatch(text)
    if found is None or found["mark"] in found["code"]:
        return Mended(text)
    code = found["code"]
    return Mended(code + "\n" * bool(code), ("took away the ``` fence",))


def unnumbered(text: str, *, loosely: bool = False) -> Mended:
    """Code without the line numbers before each of its lines, if they count up one by one.

    `loosely` also takes `12: code` and `12 code`, in two lines or more.
    """
    lines = text.split("\n")
    tail = lines.pop() if not lines[-1] else None
    pattern = NUMBERED_LOOSELY if loosely else NUMBERED
    found = [pattern.fullmatch(line) for line in lines]
    matched = [each for each in found if each]
    numbers = [int(each["number"]) for each in matched]
    counted = all(b == a + 1 for a, b in pairwise(numbers))
    if len(matched) < len(lines) or not counted or len(numbers) < 1 + loosely:
        return Mended(text)
    texts = [each["text"] for each in matched]
    # One space behind the mark belongs to it, unless a line shows that there is none.
    if not loosely and all(line.startswith(" ") or not line for line in texts):
        texts = [line[1:] for line in texts]
    return Mended(
        "\n".join([*texts, *([tail] if tail is not None else [])]), ("took away line numbers",)
    )


def elided(code: str, old: str) -> str | None:
    """The first line that stands for code left out, and is not in `old` as well; None when all is there."""
    known = {line.strip() for line in old.split("\n")}
    for line in code.split("\n"):
        brief = len(line) <= LONGEST_ELISION
        if brief and ELISION.fullmatch(line) and line.strip() not in known:
            return line.strip()
    return None


def indent_of(line: str) -> str:
    """White space that a line begins with."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def first_indent(lines: Sequence[str]) -> str:
    """Indentation of the first line that is not blank."""
    return next((indent_of(line) for line in lines if line.strip()), "")


def indent_unit(lines: Sequence[str]) -> str:
    """One step of indentation of these lines: a tab, or the number of spaces most steps have; four by default."""
    indents = [indent_of(line) for line in lines if line.strip()]
    if sum(indent.startswith("\t") for indent in indents) * 2 > sum(map(bool, indents)):
        return "\t"
    widths = [len(indent) for indent in indents]
    steps = Counter(b - a for a, b in pairwise(widths) if 1 < b - a <= 8)
    if steps:
        return " " * min(steps, key=lambda step: (-steps[step], step))
    common = gcd(*widths) if any(widths) else 0
    return " " * (common if 1 < common <= 8 else 4)


def in_unit(lines: Sequence[str], unit: str, kept: Collection[int] = ()) -> Mended:
    """Lines whose steps of indentation are those of the file: tabs, or so many spaces. `kept` are left alone, by index.

    Spaces are left alone unless every indentation is whole steps of 2, 3 or 4.
    """
    counted = [line for index, line in enumerate(lines) if line.strip() and index not in kept]
    own, first = indent_unit(counted), first_indent(counted)
    inner = [indent_of(line).removeprefix(first) for line in counted]
    if own == unit or not any(inner):
        return Mended("\n".join(lines))
    spaces = "\t" not in own + unit
    if spaces and (len(own) > 4 or any(len(indent) % len(own) for indent in inner)):
        return Mended("\n".join(lines))
    turned = [
        _turned(line, first, own, unit) if line.strip() and index not in kept else line
        for index, line in enumerate(lines)
    ]
    kind = "tabs" if unit == "\t" else f"{len(unit)} spaces"
    return Mended("\n".join(turned), (f"indented it by {kind}, as the file is",))


def _turned(line: str, first: str, own: str, unit: str) -> str:
    indent = indent_of(line)
    inner = indent.removeprefix(first)
    head = first if len(inner) < len(indent) or not first else ""
    steps = inner.count("\t") if own == "\t" else len(inner) // len(own)
    rest = inner.count(" ") if own == "\t" else len(inner) % len(own)
    return head + unit * steps + " " * rest + line[len(indent) :]


def moved(lines: Sequence[str], old: str, new: str, kept: Collection[int] = ()) -> list[str]:
    """Lines whose indentation begins with `new` where it began with `old`; `kept` are left alone, by index.

    A line with less indentation than `old` loses what it has.
    """
    result = []
    for index, line in enumerate(lines):
        if not line.strip() or index in kept:
            result.append(line)
        elif line.startswith(old):
            result.append(new + line[len(old) :])
        else:
            result.append(new + line.lstrip(" \t"))
    return result
