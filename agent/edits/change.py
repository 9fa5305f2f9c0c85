"""One file before and after, as bytes, and its hunks. Reads and writes nothing.

Bytes decide; the diff is for eyes: control characters are shown as pictures, so that no file can write to a terminal.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cached_property
from itertools import groupby

CONTEXT = 3
"""Unchanged lines shown around a hunk."""
MAX_EXACT, MAX_COMPARED = 500, 20_000
"""Lines on either side up to which every line counts in matching, which takes quadratic time; beyond the second, what
differs is shown as one hunk."""
NO_NEWLINE = "\\ No newline at end of file"
Block = tuple[int, int, int, int]
"""Lines `[i1, i2)` of before become `[j1, j2)` of after."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that change together, with some around them."""

    old_start: int
    """1-based; the line before, where nothing is taken away."""
    old_lines: int
    new_start: int
    new_lines: int
    text: str
    """As in a unified diff, header included."""
    blocks: tuple[Block, ...]
    """What the hunk changes, in 0-based lines."""


@dataclass(frozen=True)
class Change:
    """What happens to one file. Equal before and after is no change."""

    path: str
    """Relative to the root, with forward slashes."""
    before: bytes | None
    """None: there is no such file."""
    after: bytes | None
    """None: the file goes away."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return self.before == self.after

    @property
    def reversed(self) -> "Change":
        """The change back."""
        return Change(self.path, self.after, self.before)

    @cached_property
    def hunks(self) -> tuple[Hunk, ...]:
        """What differs, in order. A file that comes or goes whole is one hunk, an empty one none."""
        old, new = _lines(self.before), _lines(self.after)
        plain = _all_crlf(old + new)
        return tuple(_hunk(group, old, new, plain) for group in _grouped(_blocks(old, new)))

    @cached_property
    def diff(self) -> str:
        """Unified diff, as text for people and models; "" when nothing changes."""
        if self.is_empty:
            return ""
        old = "/dev/null" if self.before is None else f"a/{self.path}"
        new = "/dev/null" if self.after is None else f"b/{self.path}"
        return "".join([f"--- {old}\n+++ {new}\n", *(hunk.text for hunk in self.hunks)])

    @property
    def counts(self) -> tuple[int, int]:
        """Lines added and removed."""
        blocks = [block for hunk in self.hunks for block in hunk.blocks]
        return sum(j2 - j1 for *_, j1, j2 in blocks), sum(i2 - i1 for i1, i2, *_ in blocks)

    def with_hunks(self, chosen: Collection[int]) -> "Change":
        """The change of the hunks with these indices alone."""
        picked = [hunk for index, hunk in enumerate(self.hunks) if index in chosen]
        if len(picked) == len(self.hunks):
            return self
        if not picked:
            return replace(self, after=self.before)
        old, new = _lines(self.before), _lines(self.after)
        parts: list[bytes] = []
        at = 0
        for i1, i2, j1, j2 in (block for hunk in picked for block in hunk.blocks):
            parts += [*old[at:i1], *new[j1:j2]]
            at = i2
        return replace(self, after=b"".join([*parts, *old[at:]]))


def _lines(data: bytes | None) -> list[bytes]:
    # Not splitlines, which also ends lines at a lone \r.
    parts = (data or b"").split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _blocks(old: list[bytes], new: list[bytes]) -> list[Block]:
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    left, right = old[head : len(old) - tail], new[head : len(new) - tail]
    if not left and not right:
        return []
    if max(len(left), len(right)) > MAX_COMPARED or not left or not right:
        return [(head, head + len(left), head, head + len(right))]
    frequent = max(len(left), len(right)) > MAX_EXACT
    matched = SequenceMatcher(None, left, right, autojunk=frequent).get_opcodes()
    return [
        (head + i1, head + i2, head + j1, head + j2)
        for tag, i1, i2, j1, j2 in matched
        if tag != "equal"
    ]


def _grouped(blocks: list[Block]) -> list[list[Block]]:
    """Blocks whose surroundings meet are one hunk."""
    number = 0
    numbered: list[tuple[int, Block]] = []
    for index, block in enumerate(blocks):
        number += index > 0 and block[0] - blocks[index - 1][1] > 2 * CONTEXT
        numbered.append((number, block))
    return [[block for _, block in group] for _, group in groupby(numbered, key=lambda n: n[0])]


def _hunk(blocks: list[Block], old: list[bytes], new: list[bytes], plain: bool) -> Hunk:
    first, last = blocks[0], blocks[-1]
    before, behind = min(CONTEXT, first[0]), min(CONTEXT, len(old) - last[1])
    i1, j1 = first[0] - before, first[2] - before
    i2, j2 = last[1] + behind, last[3] + behind
    lines: list[str] = []
    at = i1
    for start, end, new_start, new_end in blocks:
        lines += [_shown(" ", line, plain) for line in old[at:start]]
        lines += [_shown("-", line, plain) for line in old[start:end]]
        lines += [_shown("+", line, plain) for line in new[new_start:new_end]]
        at = end
    lines += [_shown(" ", line, plain) for line in old[at:i2]]
    old_start, new_start = i1 + (i2 > i1), j1 + (j2 > j1)
    header = f"@@ -{_range(old_start, i2 - i1)} +{_range(new_start, j2 - j1)} @@\n"
    text = "".join([header, *lines])
    return Hunk(old_start, i2 - i1, new_start, j2 - j1, text, tuple(blocks))


def _range(start: int, count: int) -> str:
    return f"{start}" if count == 1 else f"{start},{count}"


def _all_crlf(lines: list[bytes]) -> bool:
    return all(line.endswith(b"\r\n") for line in lines if line.endswith(b"\n"))


def _shown(mark: str, line: bytes, plain: bool) -> str:
    ended = line.endswith(b"\n")
    body = line[:-1] if ended else line
    if plain and ended:
        body = body.removesuffix(b"\r")
    return f"{mark}{visible(body.decode('utf-8', 'replace'))}\n" + (
        "" if ended else f"{NO_NEWLINE}\n"
    )


# C0 and C1 control characters, and those that turn the direction of text around.
_PICTURES = (
    {code: 0x2400 + code for code in range(32) if code not in (9, 10)}
    | {127: 0x2421}
    | dict.fromkeys([*range(0x80, 0xA0), 0x2028, 0x2029, 0x200E, 0x200F, 0x061C], 0xFFFD)
    | dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD)
)


def visible(text: str) -> str:
    """Text without characters that steer a terminal or hide what is written; tabs and newlines stay."""
    return text.translate(_PICTURES)
