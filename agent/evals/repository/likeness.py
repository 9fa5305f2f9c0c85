"""How near a completion comes to what really stood there. Knows text only."""

import keyword
from collections import Counter

from megacontext.memory.catalogue.terms import IDENTIFIER


def is_exact(made: str, true: str) -> bool:
    """Whether they are the same but for blanks around them."""
    return made.strip() == true.strip()


def edit_similarity(made: str, true: str) -> float:
    """1 − the Levenshtein distance over the longer length; 1 for two empty texts."""
    made, true = made.strip(), true.strip()
    longest = max(len(made), len(true))
    return 1 - _distance(made, true) / longest if longest else 1.0


def identifier_f1(made: str, true: str) -> float:
    """Harmonic mean of precision and recall of identifiers, keywords aside, as often as they occur.

    1 where neither has any.
    """
    ours, theirs = _names(made), _names(true)
    if not ours and not theirs:
        return 1.0
    shared = (ours & theirs).total()
    return 2 * shared / (ours.total() + theirs.total())


def _names(text: str) -> Counter[str]:
    return Counter(name for name in IDENTIFIER.findall(text) if not keyword.iskeyword(name))


def _distance(one: str, other: str) -> int:
    """Levenshtein's: insertions, deletions and replacements."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, start=1):
        diagonal, row[0] = row[0], i
        for j, right in enumerate(other, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (left != right))
    return row[-1]
