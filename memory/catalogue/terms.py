"""Words for full text: how code identifiers become searchable, and how a question becomes a query."""

import re

IDENTIFIER = re.compile(r"[^\W\d]\w*")
CAMEL_HUMP = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
MIXED_CASE = re.compile(r"\b\w*[a-z][A-Z]\w*\b")

# fmt: off
STOP_WORDS = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "by", "can", "could", "do", "does", "for", "from",
    "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "me", "my", "of", "on", "or",
    "our", "please", "should", "so", "that", "the", "their", "them", "then", "there", "these",
    "this", "to", "us", "use", "used", "uses", "using", "was", "we", "what", "when", "where",
    "which", "who", "why", "will", "with", "would", "you", "your",
})
# fmt: on


def camel_words(text: str) -> str:
    """Every part of every mixed-case identifier in `text`, once each: FTS5 itself splits only snake_case."""
    parts: set[str] = set()
    for name in set(MIXED_CASE.findall(text)):
        parts.update(hump.lower() for hump in CAMEL_HUMP.findall(name) if len(hump) > 1)
    return " ".join(sorted(parts))


def query_words(text: str) -> list[str]:
    """Distinct lower-case words of a question or a piece of code, in order, identifiers also split into parts."""
    words: dict[str, None] = {}
    for name in IDENTIFIER.findall(text):
        parts = [name] if "_" not in name else [name, *name.split("_")]
        for part in parts:
            pieces = [part, *CAMEL_HUMP.findall(part)] if MIXED_CASE.fullmatch(part) else [part]
            for word in pieces:
                lowered = word.lower()
                if len(lowered) > 1 and lowered not in STOP_WORDS:
                    words[lowered] = None
    return list(words)


def identifiers(text: str) -> list[str]:
    """Distinct identifiers of `text` as they are written, in order."""
    return list(dict.fromkeys(IDENTIFIER.findall(text)))


def fts_query(words: list[str]) -> str:
    """An FTS5 expression that matches any of `words`; each is quoted, so no word can be an operator."""
    return " OR ".join('"' + word.replace('"', '""') + '"' for word in words)
