"""Words of names and questions, cut down to stems so that "folding" meets `fold_header`."""

import re
from collections.abc import Iterable
from functools import lru_cache

from ..catalogue.terms import CAMEL_HUMP, STOP_WORDS

PARENTHESES = re.compile(r"\(([^()]*)\)")
RECEIVERS = re.compile(r"\b(?:self|cls|this)\b")
SUFFIXES = ("ations", "ation", "ings", "ing", "ers", "er", "ies", "ed", "es", "s", "e", "y")
SHORTEST_STEM = 3
CALLABLE = re.compile(r"^\W*(?:\w+ )*(\w+) *(?:\(|:|$)", re.MULTILINE)
CODE_NAME = re.compile(
    r"`([^`]+)`|\b([^\W\d]\w*)(?=\()|\b(\w*_\w+|\w*[a-z][A-Z]\w*|\w+(?:\.\w+)+)\b"
    r"|(?<=[a-z,] )([A-Z]\w+)"
)


def stem(word: str) -> str:
    """A lower-case word without its ending: rough, but the same for names and questions."""
    word = word.lower()
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= SHORTEST_STEM:
            return word[: -len(suffix)]
    return word


@lru_cache(65_536)
def stems(text: str) -> frozenset[str]:
    """The stems of all words in a text, identifiers split into their parts, stop words left out."""
    humps = (hump for part in re.split(r"[\W_]+", text) for hump in CAMEL_HUMP.findall(part))
    return frozenset(
        stem(hump) for hump in humps if len(hump) > 1 and hump.lower() not in STOP_WORDS
    )


def code_names(text: str) -> list[str]:
    """Identifiers of a question that are meant as code: `quoted`, called(), snake_case, camelCase,
    dotted.name, and a Capitalised word inside a sentence."""
    found = (name for groups in CODE_NAME.findall(text) for name in groups if name)
    return list(dict.fromkeys(part for name in found for part in re.findall(r"[^\W\d]\w*", name)))


def names_in(symbol: str, outline: str) -> Iterable[str]:
    """What a chunk is called: its symbol, or the names of the small definitions packed into it."""
    return (symbol,) if symbol else CALLABLE.findall(outline)


def overlap(asked: frozenset[str], named: Iterable[str]) -> float:
    """How well a name answers a question, in [0, 1]: twice the shared stems over all of both."""
    own = frozenset(named)
    shared = len(asked & own)
    return 2 * shared / (len(asked) + len(own)) if shared else 0.0


def asked_share(asked: frozenset[str], own: frozenset[str]) -> float:
    """The share of some words that a question has, in [0, 1]; 0 of none."""
    return len(asked & own) / len(own) if own else 0.0


def parameters_in(outline: str) -> str:
    """What stands in the parentheses of an outline's signatures: parameters, their types and defaults."""
    return RECEIVERS.sub("", " ".join(PARENTHESES.findall(outline)))
