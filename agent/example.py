"""A question and a place to begin with, found in the repository itself. Knows the catalogue only."""

import re
from collections import Counter
from dataclasses import dataclass

from megacontext.memory.catalogue import Catalogue
from megacontext.memory.catalogue.records import SymbolRecord

KINDS = frozenset({"class", "function", "method", "type", "interface", "module"})
TELLING_NAME = re.compile(r"[a-z](?:_|[A-Z])[A-Za-z]")
"""A name of several words means one thing; others are asked about where there is none."""
ANY_QUESTION = "What is in this repository, and where does it begin?"


@dataclass(frozen=True)
class Example:
    """Something to ask, and somewhere to complete."""

    question: str
    place: str | None
    """`path:line:col`, None when nothing is defined anywhere."""


def example_of(catalogue: Catalogue) -> Example:
    """About the definition that most chunks use; tests are asked about only where there is nothing else."""
    symbol = _most_used(catalogue)
    if symbol is None:
        return Example(ANY_QUESTION, None)
    return Example(
        f"Where is {symbol.name} defined, and what uses it?", f"{symbol.path}:{symbol.line + 1}:1"
    )


def _most_used(catalogue: Catalogue) -> SymbolRecord | None:
    uses = Counter[str]()
    defined: dict[str, list[SymbolRecord]] = {}
    for file in catalogue.files():
        for chunk in catalogue.chunks_of(file.id):
            uses.update(chunk.references)
        for symbol in catalogue.symbols_of(file.id):
            if symbol.kind in KINDS:
                defined.setdefault(symbol.name, []).append(symbol)
    single = [found[0] for found in defined.values() if len(found) == 1]
    return max(
        single,
        key=lambda symbol: (
            "test" not in symbol.path,
            TELLING_NAME.search(symbol.name) is not None,
            uses[symbol.name],
            symbol.name,
        ),
        default=None,
    )
