"""Pairs that routing is learned from: a cursor, and the definition in another file that it is about to use.

    query [QUERY tokens before the line that uses a name] | definition [up to DEFINITION tokens]

Read off the text of Python packages by their top-level definitions, each name that one file of a
package defines and another uses. Knows documents and tokens; no gist.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...language.tokenizing import TextTokenizer

QUERY = 128
DEFINITION = 384
WIDTH = QUERY + DEFINITION
USES = 3
"""Uses of one definition, at most."""
LEAST = 24
"""Tokens that a query and a definition must have."""
AHEAD = 3
"""Lines between the cursor and the use, at most."""
CHARACTERS_A_TOKEN = 5

_TOP = re.compile(r"^(?:async[ \t]+def|def|class)[ \t]+(\w{4,})", re.MULTILINE)
_NEXT = re.compile(r"^(?=[^\s#)\]}])", re.MULTILINE)


@dataclass(frozen=True)
class Definition:
    """A name, the file that defines it, and the definition's text."""

    name: str
    path: str
    text: str


def definition_pairs(
    files: Sequence[tuple[str, str]], tokenizer: TextTokenizer, pad: int, seed: str
) -> Iterator[list[int]]:
    """Rows of `WIDTH` tokens from the (path, text) of one package; both parts padded at their end.

    Pads stand behind what is shorter; a query is the *end* of what stands before the cursor.
    """
    chance = random.Random(seed)  # noqa: S311  no secret
    for definition in _definitions(files):
        text = definition.text[: DEFINITION * CHARACTERS_A_TOKEN]
        defined = tokenizer.encode(text)[:DEFINITION]
        uses = list(_uses(definition, files))
        for before in chance.sample(uses, min(USES, len(uses))):
            query = tokenizer.encode(before[-QUERY * CHARACTERS_A_TOKEN :])[-QUERY:]
            if min(len(query), len(defined)) >= LEAST:
                yield _padded(query, QUERY, pad) + _padded(defined, DEFINITION, pad)


def _definitions(files: Sequence[tuple[str, str]]) -> Iterator[Definition]:
    """Top-level definitions whose name only one place of the package defines."""
    found: dict[str, list[Definition]] = defaultdict(list)
    for path, text in files:
        for match in _TOP.finditer(text):
            end = _NEXT.search(text, match.end())
            body = text[match.start() : end.start() if end else len(text)]
            found[match[1]].append(Definition(match[1], path, body))
    return (group[0] for group in found.values() if len(group) == 1)


def _uses(definition: Definition, files: Sequence[tuple[str, str]]) -> Iterator[str]:
    """For each use in another file, what stands before a cursor a few lines ahead of it."""
    word = re.compile(rf"\b{definition.name}\b")
    for path, text in files:
        if path == definition.path or definition.name not in text:
            continue
        for number, match in enumerate(word.finditer(text)):
            line = text.rfind("\n", 0, match.start()) + 1
            if _is_import(text[line : match.start()]):
                continue
            for _ in range(number % (AHEAD + 1)):
                line = text.rfind("\n", 0, max(0, line - 1)) + 1
            yield text[:line]


def _is_import(line: str) -> bool:
    return line.lstrip().startswith(("import ", "from "))


def _padded(ids: list[int], length: int, pad: int) -> list[int]:
    return ids + [pad] * (length - len(ids))
