"""Every name that may stand behind a dot, where a pack tells it for sure: of a module that the file imports, or of an
object whose class it is known to have.

A list of what is likely may lack a name; one that an answer is held to may not. So nothing is told where a part of it
lies outside of the pack. Knows no rule and no model.
"""

import re
from collections.abc import Iterable, Iterator

from megacontext.memory.catalogue import SymbolRecord
from megacontext.memory.catalogue.terms import identifiers

from .reach import BASES, MODULE_FILES, SELF, Place, Reach

PLAIN_BASES = frozenset(
    "object ABC abc ABCMeta metaclass Generic Protocol typing NamedTuple Any total True False".split()  # noqa: SIM905
)
"""Of classes; they bring no name that is called."""
ASSIGNED = re.compile(r"\b(?:self|cls|this)\.([^\W\d]\w*)\s*(?::[^=\n]+)?=(?!=)")
SHORTEST_VARIABLE = 2
"""Characters of the name of a type; shorter ones stand for any type."""


def names_at(reach: Reach, place: Place) -> frozenset[str]:
    """The names that may stand at a place; none where that is not known."""
    name = place.receiver.rpartition(".")[2]
    if not name or name in SELF or "(" in place.before:
        return frozenset()
    if name in place.imported and (paths := list(reach.paths(name))):
        return frozenset(_of_module(reach, name, paths))
    classes = reach.classes_of(place, name)
    return frozenset(_of_object(reach, classes)) if len(classes) == 1 else frozenset()


def _of_module(reach: Reach, name: str, paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        yield from (each.name for each in reach.tree.symbols_of(path) if not each.scope)
        folder, _, file = path.rpartition("/")
        if file.partition(".")[0] not in MODULE_FILES:
            continue
        # What a package takes over from its modules is its own, and so are they.
        for chunk in reach.tree.chunks_of(path):
            yield from chunk.references
        for other in reach.tree.catalogue.paths_named(folder.rpartition("/")[2]):
            below = other.removeprefix(f"{folder}/")
            if below != other:
                yield below.partition("/")[0].partition(".")[0]


def _of_object(reach: Reach, classes: list[SymbolRecord]) -> Iterator[str]:
    """What a class and those that it is made of define or assign; nothing where one of them is of elsewhere."""
    found: list[str] = []
    for owner in reach.made_of(classes):
        bases = BASES.search(owner.signature)
        for base in identifiers(bases.group(1)) if bases else ():
            is_type = base.startswith("_") or len(base) <= SHORTEST_VARIABLE
            if not (is_type or base in PLAIN_BASES or reach.defines(base)):
                return
        own = reach.tree.symbols_of(owner.path)
        found += [each.name for each in own if each.scope == owner.qualified]
        found += ASSIGNED.findall(reach.text_of(owner))
    yield from found
