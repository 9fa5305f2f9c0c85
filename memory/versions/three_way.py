"""Three-way merging of texts, span by span and within spans line by line.

The method is that of diff3 (Khanna, Kunal and Pierce, "A Formal Investigation of Diff3", 2007): what all three have in
common stays; between that, a side that is like the base gives way to the other, and where both differ from it and
from each other, both are kept. Here the common parts are looked for among spans first, so that two sides that changed
different definitions never meet, and long files stay cheap.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile


@dataclass(frozen=True, slots=True)
class Agreed:
    """Bytes that the merge is sure of."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Disputed:
    """What the base and both sides have at one place, where both differ from it."""

    base: bytes
    a: bytes
    b: bytes


Part = Agreed | Disputed
Resolve = Callable[[bytes, bytes, bytes], Iterable[Part]]


def merge_spans(base: Sequence[bytes], a: Sequence[bytes], b: Sequence[bytes]) -> list[Part]:
    """Merge two texts that came from `base`, each given as its spans in order."""
    return _joined(_merged(base, a, b, _merge_lines))


def _merge_lines(base: bytes, a: bytes, b: bytes) -> Iterator[Part]:
    lines = [text.splitlines(keepends=True) for text in (base, a, b)]
    return _merged(lines[0], lines[1], lines[2], _disputed)


def _disputed(base: bytes, a: bytes, b: bytes) -> Iterator[Part]:
    """A dispute, without the lines at its ends that both sides have alike."""
    ours, theirs = a.splitlines(keepends=True), b.splitlines(keepends=True)
    head = _alike(ours, theirs)
    tail = _alike(ours[head:][::-1], theirs[head:][::-1])
    yield Agreed(b"".join(ours[:head]))
    cut = [b"".join(side[head : len(side) - tail]) for side in (ours, theirs)]
    yield Disputed(base, cut[0], cut[1])
    yield Agreed(b"".join(ours[len(ours) - tail :]))


def _alike(a: Sequence[bytes], b: Sequence[bytes]) -> int:
    pairs = zip(a, b, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _merged(
    base: Sequence[bytes], a: Sequence[bytes], b: Sequence[bytes], resolve: Resolve
) -> Iterator[Part]:
    """What all three have, and between that what one side has changed; `resolve` is asked where both have."""
    at = [0, 0, 0]
    for length, *starts in _stable(base, a, b):
        texts = [
            b"".join(side[begin:end])
            for side, begin, end in zip((base, a, b), at, starts, strict=True)
        ]
        yield from _settled(texts[0], texts[1], texts[2], resolve)
        yield Agreed(b"".join(base[starts[0] : starts[0] + length]))
        at = [start + length for start in starts]


def _settled(base: bytes, a: bytes, b: bytes, resolve: Resolve) -> Iterable[Part]:
    if b in (base, a):
        return (Agreed(a),)
    if a == base:
        return (Agreed(b),)
    return resolve(base, a, b)


def _stable(
    base: Sequence[bytes], a: Sequence[bytes], b: Sequence[bytes]
) -> Iterator[tuple[int, int, int, int]]:
    """Length and starts, in base, `a` and `b`, of the runs that all three have in order; an empty one at the end."""
    in_a = SequenceMatcher(None, base, a).get_matching_blocks()
    in_b = SequenceMatcher(None, base, b).get_matching_blocks()
    i = j = 0
    while i < len(in_a) and j < len(in_b):
        first, second = in_a[i], in_b[j]
        begin = max(first.a, second.a)
        end = min(first.a + first.size, second.a + second.size)
        if begin < end:
            offsets = first.b - first.a, second.b - second.a
            yield end - begin, begin, begin + offsets[0], begin + offsets[1]
        if first.a + first.size < second.a + second.size:
            i += 1
        else:
            j += 1
    yield 0, len(base), len(a), len(b)


def _joined(parts: Iterable[Part]) -> list[Part]:
    """Agreed parts that follow each other as one, without empty ones."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, Agreed) and isinstance(last, Agreed):
            joined[-1] = Agreed(last.text + part.text)
        elif not isinstance(part, Agreed) or part.text:
            joined.append(part)
    return joined
