"""Definitions and references of a file, from one run of its language's tags query.

Captures come without the pattern that made them, so definitions and their parts are paired by a
sweep over their byte ranges: a part belongs to the innermost definition that is open and lacks it.

- `@definition.KIND` a definition; `@scope` a block that only lends its name to what is inside
- `@name`, `@body`, `@doc`, `@attribute` its parts; `@qualifier` a scope named in the header
- `@outer` what wraps it and belongs to it: decorators, `export`, `template<…>`
- `@reference.KIND` a use of a name
"""

from dataclasses import dataclass, field

from tree_sitter import Node, QueryCursor

from .languages import Grammar
from .outline import comment_above, docstring, plain, signature
from .records import Symbol

Span = tuple[int, int]
# start, -end, order at one place, tag, row: sorts outer before inner
_Event = tuple[int, int, int, str, int]

_DEFINITION = "definition."
_REFERENCE = "reference."
# Where two patterns match one node, the first of these kinds is kept.
_KINDS = ("class", "interface", "function", "method", "heading", "type", "constant", "variable")
_PARTS = frozenset({"name", "body", "doc", "attribute", "qualifier", "outer"})
_HOLDERS = frozenset({"class", "interface", "type", "scope"})
_MAX_NAME = 120
_MAX_KEYS = 200
# The query's time is quadratic in the depth of the tree: 100,000 chained attributes took minutes.
_MAX_DEPTH = 800


@dataclass(slots=True)
class Tags:
    """What the query found."""

    symbols: list[Symbol] = field(default_factory=list)
    starts: set[int] = field(default_factory=set)
    """Start bytes of definitions and of what wraps them."""
    names: set[int] = field(default_factory=set)
    """Start bytes of the names of definitions."""
    references: list[list[Span]] = field(default_factory=list)
    """Byte ranges of names, each list in order."""
    error_bytes: int = 0


@dataclass(slots=True)
class _Open:
    """A definition under the sweep."""

    start: int
    end: int
    own: Span
    """Without what wraps it."""
    kind: str
    parent: "_Open | None"
    head: int
    name: str = ""
    line: int = 0
    body: int = -1
    doc: Span | None = None
    qualifier: str = ""
    path: str = ""


def read_tags(grammar: Grammar, root: Node, data: bytes) -> Tags:
    """Run the query once and pair what it found."""
    cursor = QueryCursor(grammar.query)
    cursor.set_max_start_depth(_MAX_DEPTH)
    captures = cursor.captures(root)
    tags = Tags()
    events: list[_Event] = []
    names = tags.names
    for tag, nodes in captures.items():
        if tag.startswith(_REFERENCE):
            tags.references.append(sorted([node.byte_range for node in nodes]))
        elif tag == "error":
            tags.error_bytes = sum(node.end_byte - node.start_byte for node in nodes)
        elif tag == "name":
            names.update(node.start_byte for node in nodes)
            events.extend(
                (node.start_byte, -node.end_byte, 99, tag, node.start_point.row) for node in nodes
            )
        elif not tag.startswith("_"):
            order = _order(tag)
            events.extend((node.start_byte, -node.end_byte, order, tag, 0) for node in nodes)
    events.sort()
    found = _sweep(events, data)
    for definition in found:
        tags.starts.update((definition.start, definition.own[0]))
    tags.symbols = _symbols(found, data)
    # A node that the parser made up has no bytes; a definition's own name is no use of it.
    tags.references = [
        [span for span in spans if span[0] < span[1] and span[0] not in names]
        for spans in tags.references
    ]
    return tags


def _order(tag: str) -> int:
    if tag == "outer":
        return 0
    kind = tag.removeprefix(_DEFINITION)
    if kind in _KINDS:
        return 1 + _KINDS.index(kind)
    return 99 if tag in _PARTS else 50


def _sweep(events: list[_Event], data: bytes) -> list[_Open]:
    """Definitions in order of their start, each with its parts."""
    found: list[_Open] = []
    stack: list[_Open] = []
    wrap: Span | None = None
    head = -1
    for start, negative_end, _, tag, row in events:
        end = -negative_end
        while stack and stack[-1].end <= start:
            stack.pop()
        if tag not in _PARTS:
            if stack and stack[-1].own == (start, end):
                continue  # a second pattern on the same node
            parent = stack[-1] if stack else None
            opened = _Open(start, end, (start, end), tag.removeprefix(_DEFINITION), parent, start)
            if wrap is not None and start < wrap[1]:
                opened.start, opened.end = wrap[0], max(end, wrap[1])
                opened.head = head
            wrap = None
            stack.append(opened)
            found.append(opened)
        elif tag == "outer":
            if wrap is None or start >= wrap[1]:
                wrap, head = (start, end), start
        elif tag == "attribute":
            if wrap is not None and start < wrap[1]:
                head = end
            elif stack and not data[stack[-1].head : start].strip():
                stack[-1].head = end
        elif stack:
            _add_part(stack[-1], tag, (start, end), data, row)
    return found


def _add_part(definition: _Open, tag: str, span: Span, data: bytes, row: int) -> None:
    start, end = span
    if tag == "name":
        if not definition.name:
            definition.name = plain(data[start:end], _MAX_NAME)
            definition.line = row + 1
    elif tag == "body":
        # A body that is nothing but one definition has its bytes, and belongs to what is around it.
        owner = definition.parent if span == definition.own else definition
        if owner is not None and owner.body < 0:
            owner.body = start
    elif tag == "doc":
        definition.doc = definition.doc or span
    elif not definition.name:
        text = plain(data[start:end], _MAX_NAME).replace("::", ".")
        definition.qualifier = f"{definition.qualifier}.{text}" if definition.qualifier else text


def _symbols(found: list[_Open], data: bytes) -> list[Symbol]:
    symbols: list[Symbol] = []
    keys = 0
    for definition in found:
        parent = definition.parent
        scope = parent.path if parent else ""
        if definition.qualifier:
            scope = f"{scope}.{definition.qualifier}" if scope else definition.qualifier
        name = definition.name
        definition.path = f"{scope}.{name}" if scope and name else scope or name
        kind = _kind(definition)
        keys += kind == "key"
        if name and kind != "scope" and keys <= _MAX_KEYS:
            symbols.append(_symbol(definition, kind, scope, data))
    return symbols


def _kind(definition: _Open) -> str:
    kind, parent = definition.kind, definition.parent
    if kind == "function" and (definition.qualifier or (parent and parent.kind in _HOLDERS)):
        return "method"
    if kind == "variable" and definition.name.isupper():
        return "constant"
    return kind


def _symbol(definition: _Open, kind: str, scope: str, data: bytes) -> Symbol:
    start, end = definition.start, definition.end
    literal = definition.doc
    doc = docstring(data[literal[0] : literal[1]]) if literal else comment_above(data, start)
    return Symbol(
        name=definition.name,
        kind=kind,
        start=start,
        end=end,
        line=definition.line,
        scope=scope,
        signature=signature(data, definition.head, definition.body, end, kind),
        doc=doc,
    )
