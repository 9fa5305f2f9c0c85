"""Which definition of a file a name means. Knows the bytes of that file alone."""

import re
from collections.abc import Callable
from difflib import get_close_matches

from megacontext.configs.errors import ToolError
from megacontext.memory.chunking import Symbol

from .parsing import definitions

MAX_NAMED = 8
"""Definitions named in a refusal."""
_HEADER_WORDS = re.compile(
    r"^(?:(?:async|def|class|function|func|fn|struct|interface|type|method)\s+)+"
)
_NAME = re.compile(r"[^\s(<{\[]+")
_SEPARATORS = re.compile(r"::|#|/|->")


def find_symbol(path: str, data: bytes, name: str, line: int | None = None) -> Symbol:
    """The definition that `name` (perhaps qualified: `Class.method`) means, or the one of that name at a line.

    Raises ToolError when there is none, or several; the candidates are named.
    """
    symbols = definitions(path, data)
    wanted = plain_name(name)
    found = _named(symbols, wanted) or _named(symbols, wanted, str.casefold)
    if line is not None and len(found) > 1:
        at = [each for each in found if first_line(data, each) <= line <= last_line(data, each)]
        found = at[-1:] or found
    if len(found) == 1:
        return found[0]
    if found:
        named = ", ".join(_described(data, each) for each in found[:MAX_NAMED])
        raise ToolError(
            f"{name!r} fits {len(found)} definitions in {path}: {named}; "
            "write the qualified name, or give `line`"
        )
    raise ToolError(_unknown(path, symbols, wanted))


def plain_name(name: str) -> str:
    """`def Greeter::greet(self)` → `Greeter.greet`."""
    bare = _HEADER_WORDS.sub("", name.strip().strip("`'\""))
    found = _NAME.match(bare)
    return _SEPARATORS.sub(".", found[0]).strip(".:") if found else bare


def _named(
    symbols: tuple[Symbol, ...], wanted: str, fold: Callable[[str], str] = str
) -> list[Symbol]:
    name = fold(wanted)
    whole = [each for each in symbols if fold(each.qualified) == name]
    return whole or [each for each in symbols if fold(each.qualified).endswith(f".{name}")]


def _unknown(path: str, symbols: tuple[Symbol, ...], wanted: str) -> str:
    names = list(dict.fromkeys(each.qualified for each in symbols))
    if not names:
        return f"{path} defines nothing that is known by name; use edit_text"
    last = wanted.rpartition(".")[2]
    by_last: dict[str, list[str]] = {}
    for name in names:
        by_last.setdefault(name.rpartition(".")[2], []).append(name)
    alike = get_close_matches(last, by_last, n=3, cutoff=0.6)
    near = [name for each in alike for name in by_last[each]]
    shown = near or names[:MAX_NAMED]
    lead = "did you mean" if near else "it defines"
    return f"{path} defines no {wanted!r}; {lead} {', '.join(shown[:MAX_NAMED])}?"


def _described(data: bytes, symbol: Symbol) -> str:
    return f"{symbol.qualified} (lines {first_line(data, symbol)}-{last_line(data, symbol)})"


def first_line(data: bytes, symbol: Symbol) -> int:
    """The 1-based line where a definition begins, decorators included."""
    return data.count(b"\n", 0, symbol.start) + 1


def last_line(data: bytes, symbol: Symbol) -> int:
    """The 1-based line where it ends."""
    return data.count(b"\n", 0, max(symbol.start, symbol.end - 1)) + 1
