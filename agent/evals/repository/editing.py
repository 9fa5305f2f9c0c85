"""Edits in the file that defines what a line of another file uses: a definition is added, renamed or changed.

Knows text and definitions; nothing of memory.
"""

import random
import re
from dataclasses import dataclass, field, replace
from typing import Literal

from megacontext.memory.catalogue import SymbolRecord

from ..needs import BODIES
from ..repositories import Repository
from .spots import Spot

EditKind = Literal["added", "renamed", "changed"]
EDITED = BODIES | {"class"}
MORE_WORDS = ("eager", "scoped", "strict", "shared", "bounded", "lenient", "primary", "resolved")
"""One of them is added to a name for a new one."""
RENAMED = 0.5
"""Share of edits that rename, of those that change no parameter."""
SHORTEST = 3
"""Characters that are left to be written, at least."""


@dataclass(frozen=True)
class EditTask:
    """An edit in one file, and right after it a line to be completed in another."""

    spot: Spot
    """As it is once the edit is made."""
    kind: EditKind
    path: str
    """The file that is edited."""
    stale: bytes = field(repr=False)
    fresh: bytes = field(repr=False)
    word: str
    """What only the edited file tells: the name of the definition, or of the parameter that was changed."""

    @property
    def package(self) -> str:
        """The package that it is in."""
        return self.spot.package

    @property
    def id(self) -> str:
        """Unique among all."""
        return f"{self.spot.id}:{self.kind}"

    def is_told(self, text: str) -> bool:
        """Whether a text holds the new definition, or the new parameter."""
        before = r"\b" if self.kind == "changed" else r"\b(?:def|class)\s+"
        return re.search(rf"{before}{re.escape(self.word)}\b", text) is not None


def edit_at(repository: Repository, spot: Spot, seed: int) -> EditTask | None:
    """An edit of what a spot needs: of a parameter that the line names, otherwise of the name or of all of it.

    A new name is to be written, all else behind the name. The same seed, the same edit. None where no single file
    defines it as a function or a class, or nothing is left to be written.
    """
    symbol = _definition(repository, spot)
    if symbol is None or (data := repository.memory.read(symbol.path)) is None:
        return None
    chance = random.Random(f"{seed}:{spot.id}")  # noqa: S311  no secret
    behind = _behind_name(spot)
    changed = _changed(behind, symbol, data, chance) if behind else None
    if changed is not None:
        return changed
    if behind is None or chance.random() < RENAMED:
        return _renamed(spot, symbol, data, chance)
    return _added(behind, symbol, data)


def _definition(repository: Repository, spot: Spot) -> SymbolRecord | None:
    found = [
        symbol
        for symbol in repository.memory.catalogue.symbols_named(spot.name)
        if symbol.path in spot.homes and symbol.kind in EDITED
    ]
    return found[0] if len(found) == 1 else None


def _behind_name(spot: Spot) -> Spot | None:
    """The spot with the cursor behind the name and the bracket that opens a call; None where that is all."""
    found = re.match(rf"\s*{re.escape(spot.name)}\(?", spot.rest)
    if found is None or len(spot.rest[found.end() :].strip()) < SHORTEST:
        return None
    written, rest = spot.rest[: found.end()], spot.rest[found.end() :]
    return replace(spot, before=spot.before + written, rest=rest)


def _added(spot: Spot, symbol: SymbolRecord, data: bytes) -> EditTask:
    """Before the edit there is no such definition."""
    stale = data[: symbol.start] + data[symbol.end :]
    return EditTask(spot, "added", symbol.path, stale, data, spot.name)


def _renamed(spot: Spot, symbol: SymbolRecord, data: bytes, chance: random.Random) -> EditTask:
    """The edited file and that of the line, as far as it is written, have the new name."""
    old, new = spot.name, _new_name(spot.name, chance)
    moved = replace(
        spot, before=_in_place(spot.before, old, new), rest=_in_place(spot.rest, old, new), name=new
    )
    fresh = _in_place(data.decode("utf-8", "replace"), old, new).encode()
    return EditTask(moved, "renamed", symbol.path, data, fresh, new)


def _changed(
    spot: Spot, symbol: SymbolRecord, data: bytes, chance: random.Random
) -> EditTask | None:
    """A parameter that the line gives by name has a new one."""
    head = data[symbol.start : symbol.end].decode("utf-8", "replace")
    is_call = spot.before.endswith("(")
    given = re.findall(r"\b([a-z_]\w*)\s*=(?!=)", spot.rest) if is_call else []
    known = re.findall(r"\b([a-z_]\w*)\s*[:=,)]", head.partition("\n\n")[0])
    old = next((name for name in given if name in known), None)
    if old is None:
        return None
    new = _new_name(old, chance)
    rest = re.sub(rf"\b{old}(\s*=)", rf"{new}\1", spot.rest, count=1)
    body = _in_place(head, old, new).encode()
    fresh = data[: symbol.start] + body + data[symbol.end :]
    return EditTask(replace(spot, rest=rest), "changed", symbol.path, data, fresh, new)


def _new_name(name: str, chance: random.Random) -> str:
    word = chance.choice(MORE_WORDS)
    if name.isupper():
        return f"{name}_{word.upper()}"
    return name + word.title() if name[:1].isupper() else f"{name}_{word}"


def _in_place(text: str, old: str, new: str) -> str:
    return re.sub(rf"\b{re.escape(old)}\b", new, text)
