"""A question and a place to begin with, found in the repository itself. Knows the catalogue only."""

from collections import Counter
from dataclasses import dataclass

from megacontext.memory.catalogue import Catalogue
from megacontext.memory.catalogue.records import SymbolRecord

KINDS = frozenset({"class", "function", "method", "type", "interface", "module"})
SHORTEST_NAME = 4
"""Shorter names mean too many things for a question."""
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
            if symbol.kind in KINDS and len(symbol.name) >= SHORTEST_NAME:
                defined.setdefault(symbol.name, []).append(symbol)
    single = [found[0] for found in defined.values() if len(found) == 1]
    return max(
        single,
        key=lambda symbol: ("test" not in symbol.path, uses[symbol.name], symbol.name),
        default=None,
    )
