"""Replacing a definition by its name: where it stands, how new code is fitted in, and what must stay as it was.

Works on the bytes of one file with its own fresh parse; knows no index and no disk.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tree_sitter import Node

from megacontext.configs.errors import ToolError
from megacontext.memory.chunking import Symbol, language_of
from megacontext.memory.chunking.languages import grammar_of

from .mending import (
    Mended,
    elided,
    first_indent,
    in_unit,
    indent_of,
    indent_unit,
    moved,
    unfenced,
    unnumbered,
)
from .parsing import breaks, definitions, syntax_fault
from .text_file import TextFile, plain

Place = Literal["replace", "before", "after"]
MAX_NAMED = 8
_DECORATOR = re.compile(r"[ \t]*@")
_PYTHON_HEADER = re.compile(r"[ \t]*(?:async[ \t]+def|def|class)\b")
_MARKS = (";", ",")


@dataclass(frozen=True)
class Spliced:
    """The new bytes of a file, and what was put right on the way."""

    data: bytes
    symbol: Symbol
    """The definition as it was."""
    notes: tuple[str, ...]


def splice(path: str, data: bytes, symbol: Symbol, code: str, place: Place = "replace") -> Spliced:
    """Put `code` in the place of a definition, or before or after it.

    Raises ToolError when the file would no longer parse, when other definitions would change with it, or when
    `code` is not a whole definition.
    """
    file = TextFile.of(path, data)
    old = plain(_text(data[symbol.start : symbol.end]))
    mended = _cleaned(code)
    if not mended.text:
        raise ToolError("`code` is empty; give the whole definition (to delete one, use edit_text)")
    if (left_out := elided(mended.text, old)) is not None:
        raise ToolError(f"`code` leaves something out at {left_out!r}; write every line of it")
    if place == "replace":
        mended = _same_extent(path, data, symbol, mended)
    refusal: ToolError | None = None
    for layout in _layouts(path, data, symbol, mended, old):
        fitted = file.fitted(path, layout.text)
        spliced = _put(data, symbol, fitted, file.line_end, place, path)
        try:
            renamed = _check(path, data, symbol, spliced, place)
        except ToolError as exc:
            refusal = refusal or exc
            continue
        return Spliced(spliced.data, symbol, (*layout.notes, *renamed))
    assert refusal is not None, "there is always one layout"
    raise refusal


# The code as it was meant


def _cleaned(code: str) -> Mended:
    mended = unfenced(plain(code))
    mended = mended.then(unnumbered(mended.text))
    lines = [line if line.strip() else "" for line in mended.text.split("\n")]
    return Mended("\n".join(lines).strip("\n").rstrip(), mended.notes)


def _same_extent(path: str, data: bytes, symbol: Symbol, mended: Mended) -> Mended:
    """The code from the first to the last line of what it replaces: no class around a method, decorators kept."""
    for trim in (_without_class, _without_comment_above, _with_decorators, _without_mark):
        mended = mended.then(trim(path, data, symbol, mended.text))
    return mended


def _without_class(path: str, data: bytes, symbol: Symbol, code: str) -> Mended:
    inside = definitions(path, code.encode("utf-8", "surrogateescape"))
    own = [each for each in inside if each.qualified == f"{inside[0].name}.{symbol.name}"]
    if not symbol.scope or len(own) != 1 or inside[0].name != symbol.scope.rpartition(".")[2]:
        return Mended(code)
    encoded = code.encode("utf-8", "surrogateescape")
    others = [each for each in inside[1:] if not own[0].start <= each.start < own[0].end]
    head = encoded[: own[0].start].strip()
    tail = encoded[own[0].end :].strip()
    if (
        others
        or head.count(b"\n")
        or head[-1:] not in (b":", b"{")
        or tail not in (b"", b"}", b"};")
    ):
        return Mended(code)
    start = encoded.rfind(b"\n", 0, own[0].start) + 1
    return Mended(
        _text(encoded[start : own[0].end]), (f"took {symbol.name} out of the class around it",)
    )


def _without_comment_above(path: str, data: bytes, symbol: Symbol, code: str) -> Mended:
    """Without comment lines that stand right above the definition already."""
    above = [line.strip() for line in plain(_text(data[: symbol.start])).split("\n")[:-1]]
    lines = code.split("\n")
    count = len(lines) - 1
    while count and [line.strip() for line in lines[:count]] != above[-count:]:
        count -= 1
    if not count or not all(above[-count:]):
        return Mended(code)
    return Mended("\n".join(lines[count:]), ("left out the lines that stand above it already",))


def _with_decorators(path: str, data: bytes, symbol: Symbol, code: str) -> Mended:
    old = plain(_text(data[symbol.start : symbol.end])).split("\n")
    head = next((i for i, line in enumerate(old) if not _DECORATOR.match(line)), 0)
    simple = all(line.count("(") == line.count(")") for line in old[:head])
    if (
        language_of(path, data) != "python"
        or not head
        or not simple
        or not _PYTHON_HEADER.match(code)
    ):
        return Mended(code)
    indent = first_indent(code.split("\n"))
    kept = [indent + line.strip() for line in old[:head]]
    names = ", ".join(line.strip() for line in kept)
    return Mended("\n".join([*kept, code]), (f"kept {names} above it",))


def _without_mark(path: str, data: bytes, symbol: Symbol, code: str) -> Mended:
    """Without a `;` or `,` at the end that stands behind the definition already."""
    following = _text(data[symbol.end : symbol.end + 1])
    if following in _MARKS and code.endswith(following):
        return Mended(code[:-1])
    return Mended(code)


# Indentation


def _layouts(path: str, data: bytes, symbol: Symbol, mended: Mended, old: str) -> Iterator[Mended]:
    """The code at the indentation of its place, in the ways it may have been meant, the likeliest first."""
    whole = plain(_text(data)).split("\n")
    unit = indent_unit(whole)
    written = mended.text.split("\n")
    lines = in_unit(written, unit, _string_rows(path, written))
    mended = mended.then(lines)
    code = lines.text.split("\n")
    start = data.rfind(b"\n", 0, symbol.start) + 1
    column = indent_of(_text(data[start : symbol.start]))
    old_lines = frozenset(old.split("\n"))
    first = first_indent(code)
    head = next((i for i, line in enumerate(code) if indent_of(line) != first), len(code))
    rest = [indent_of(line) for line in code[head:] if line.strip()]
    least = min(rest, key=len, default=first)
    together = moved(code, first, column, _fixed(path, code, first, column, old_lines))
    head_only = [*moved(code[:head], first, column), *code[head:]]
    ways = [together, head_only]
    if first != column and least in (column, column + unit) and least not in (first, first + unit):
        ways.reverse()
    for way in ways if first != column else [code]:
        note = ("gave it the indentation of its place",) if way != code else ()
        yield Mended("\n".join(way).removeprefix(column), (*mended.notes, *note))


def _fixed(
    path: str, code: list[str], first: str, column: str, old: frozenset[str]
) -> frozenset[int]:
    """Lines inside long strings, but those that stand in the file with the indentation they would be given."""
    rows = _string_rows(path, code)
    return frozenset(row for row in rows if moved([code[row]], first, column)[0] not in old)


def _string_rows(path: str, code: list[str]) -> frozenset[int]:
    """Lines that begin inside a long string, whose indentation is its content; by index."""
    data = "\n".join(code).encode("utf-8", "surrogateescape")
    grammar = grammar_of(language_of(path, data))
    if grammar is None:
        return frozenset()
    return frozenset(
        row
        for node in _long_strings(grammar.parse(data).root_node)
        for row in range(node.start_point.row + 1, node.end_point.row + 1)
    )


def _long_strings(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.start_point.row == node.end_point.row:
            continue
        if "string" in node.type or "heredoc" in node.type:
            # A docstring is laid out like the code around it.
            if node.parent is None or node.parent.type != "expression_statement":
                yield node
            continue
        stack.extend(node.children)


# Putting it in


@dataclass(frozen=True, slots=True)
class _Put:
    data: bytes
    start: int
    end: int
    """Where the new code stands."""


def _put(data: bytes, symbol: Symbol, code: str, line_end: str, place: Place, path: str) -> _Put:
    new = code.encode("utf-8", "surrogateescape")
    if place == "replace":
        start = symbol.start
        return _Put(data[:start] + new + data[symbol.end :], start, start + len(new))
    line = data.rfind(b"\n", 0, symbol.start) + 1
    indent = data[line : symbol.start]
    if indent.strip():
        raise ToolError("something else stands on the line where it begins; use edit_text")
    blank = 3 if language_of(path, data) == "python" and not symbol.scope else 2
    gap = line_end.encode() * blank
    if place == "before":
        start = symbol.start
        return _Put(data[:start] + new + gap + indent + data[start:], start, start + len(new))
    end = data.find(b"\n", symbol.end)
    end = len(data) if end < 0 else end
    end -= data[:end].endswith(b"\r")
    start = end + len(gap) + len(indent)
    return _Put(data[:end] + gap + indent + new + data[end:], start, start + len(new))


def _check(path: str, data: bytes, symbol: Symbol, put: _Put, place: Place) -> tuple[str, ...]:
    """Refuse what breaks the file or reaches beyond its place; tells when a name has changed."""
    if (fault := breaks(path, data, put.data)) is not None:
        raise ToolError(f"{path} would no longer parse ({fault}), so nothing was changed")
    after = definitions(path, put.data)
    inside = [each for each in after if put.start <= each.start and each.end <= put.end]
    if not inside:
        raise ToolError(
            f"`code` defines nothing; write the whole definition, from its header {symbol.signature!r} on"
        )
    if syntax_fault(path, data) is None:
        _check_others(path, data, symbol, put, after, inside, place)
    if place != "replace":
        return ()
    names = [each.name for each in inside]
    if symbol.name in names:
        return ()
    within = [
        each.name
        for each in definitions(path, data)
        if symbol.start < each.start and each.end <= symbol.end
    ]
    if names[0] in within:
        raise ToolError(
            f"`code` defines {names[0]}, which is only a part of {symbol.name}; "
            f"name {symbol.qualified}.{names[0]} as the symbol, or write all of {symbol.name}"
        )
    return (f"{symbol.name} is now called {names[0]}",)


def _check_others(
    path: str,
    data: bytes,
    symbol: Symbol,
    put: _Put,
    after: tuple[Symbol, ...],
    inside: list[Symbol],
    place: Place,
) -> None:
    start, end = (symbol.start, symbol.end) if place == "replace" else (0, 0)
    before = [each for each in definitions(path, data) if not start <= each.start < end]
    left = [each for each in after if not put.start <= each.start < put.end]
    missing = Counter(map(_identity, before)) - Counter(map(_identity, left))
    if missing:
        raise ToolError(
            f"this would also change {_listed(missing)} in {path}; check the indentation of `code`, "
            "and that it ends where the definition ends"
        )
    known = {each.qualified for each in left}
    again = [each.qualified for each in inside if each.qualified in known]
    same = {each.qualified for each in before if each.qualified == symbol.qualified}
    doubled = [name for name in again if name not in same or place != "replace"]
    if doubled:
        raise ToolError(
            f"`code` defines {', '.join(doubled[:MAX_NAMED])} once more, which {path} has already; "
            f"give {symbol.qualified} alone"
        )


def _identity(symbol: Symbol) -> tuple[str, str]:
    return symbol.qualified, symbol.kind


def _listed(names: Counter[tuple[str, str]]) -> str:
    return ", ".join(dict.fromkeys(name for name, _ in list(names)[:MAX_NAMED]))


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
