"""Fuzzy matching of what was typed against paths and names. Knows text alone."""

from collections.abc import Callable, Iterable, Sequence
from heapq import nlargest
from typing import TypeVar

T = TypeVar("T")

START, RUN, BASE, SAME_CASE = 8.0, 5.0, 1.0, 0.5
"""Worth of a letter at the start of a word, behind another that matches, anywhere, and in the very case typed."""
GAP, LONG = 0.15, 0.02
"""Taken off for each letter between two that match, and for each letter of the candidate."""
MAX_SCORED = 2_000
"""Candidates that are scored; a query that more of them fit says too little for an order to matter."""


def score(query: str, candidate: str) -> float | None:
    """How well `candidate` fits, higher is better; None when the letters of `query` are not in it in order.

    Matched greedily from the last path part where that holds the whole query, otherwise from the start.
    """
    if not query:
        return 0.0
    tail = candidate.rfind("/") + 1
    found = [_from(query, candidate, start) for start in dict.fromkeys((tail, 0))]
    fits = [value for value in found if value is not None]
    return max(fits) if fits else None


def _from(query: str, candidate: str, start: int) -> float | None:
    low_query, low = query.lower(), candidate.lower()
    if len(low) != len(candidate):  # a letter whose lower case is longer would shift every place
        low = candidate
    total, before, at = 0.0, -2, start
    for letter, typed in zip(low_query, query, strict=False):
        place = low.find(letter, at)
        if place < 0:
            return None
        total += BASE + SAME_CASE * (candidate[place] == typed)
        if place == before + 1:
            total += RUN
        elif _starts_word(candidate, place):
            total += START
        total -= GAP * (place - at) if place > at else 0.0
        before, at = place, place + 1
    return total + START * (start > 0) - LONG * len(candidate)


def _starts_word(text: str, place: int) -> bool:
    if place == 0:
        return True
    before, here = text[place - 1], text[place]
    return not before.isalnum() or (here.isupper() and before.islower())


def best(
    query: str,
    candidates: Iterable[T],
    text_of: Callable[[T], str],
    limit: int,
    stopped: Callable[[], bool] = lambda: False,
) -> list[T]:
    """The candidates that fit best, the best first; the earlier of two that fit equally well. May be stopped."""
    letters = query.lower()
    fitting: list[T] = []
    for number, candidate in enumerate(candidates):
        if number % 512 == 0 and stopped():
            return []
        if _holds(letters, text_of(candidate).lower()):
            fitting.append(candidate)
            if len(fitting) == MAX_SCORED:
                break
    scored = _scored(query, fitting, text_of)
    return [candidate for _, _, candidate in nlargest(limit, scored, key=lambda item: item[:2])]


def _holds(letters: str, text: str) -> bool:
    at = 0
    for letter in letters:
        at = text.find(letter, at) + 1
        if at == 0:
            return False
    return True


def _scored(
    query: str, candidates: Sequence[T], text_of: Callable[[T], str]
) -> list[tuple[float, int, T]]:
    found = ((score(query, text_of(each)), -at, each) for at, each in enumerate(candidates))
    return [(value, at, each) for value, at, each in found if value is not None]
