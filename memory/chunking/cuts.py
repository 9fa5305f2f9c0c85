"""Places where a file may be cut, from its syntax tree. Knows no chunk sizes but the limit.

A cut is the start of a line on which a node starts. Only nodes over the limit are entered, with a
stack and never by recursion, so the cost follows the number of pieces and not the size of the tree.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from tree_sitter import Node

from .weight import LIMIT, Weights

# Brackets nested deeper than this are cut by lines; no hand-written code comes near.
_MAX_DEPTH = 200

# Inside a node that is split, a piece over this weight that is no definition is split as well.
_INNER_LIMIT = 1400 * 5

_IMPORTS = frozenset(
    {
        "import_statement",
        "import_from_statement",
        "future_import_statement",
        "import_declaration",
        "package_declaration",
        "package_clause",
        "use_declaration",
        "extern_crate_declaration",
        "preproc_include",
        "using_directive",
        "namespace_use_declaration",
    }
)
_LEADS = frozenset(
    {
        "comment",
        "line_comment",
        "block_comment",
        "decorator",
        "attribute_item",
        "inner_attribute_item",
        "attribute_list",
        "access_specifier",
    }
)


class Role(IntEnum):
    """What starts at a cut."""

    PLAIN = 0
    LEAD = 1  # a comment or decorator: stays with what is directly below
    IMPORT = 2
    DEFINITION = 3
    HEADER = 4  # the first lines of a definition that is over the limit


_LEAD = Role.LEAD


class Cut(NamedTuple):
    """A place where a chunk may start."""

    position: int
    depth: int
    """How deep in the tree; a shallower cut is a better one."""
    role: Role
    fence: bool
    """A definition that was split ends before this cut: nothing is packed across it."""


def syntax_cuts(root: Node, data: bytes, weights: Weights, definitions: set[int]) -> list[Cut]:
    """Cuts in order, the first at 0. `definitions` holds the start bytes of definitions."""
    cuts: list[Cut] = []
    stack: list[tuple[Iterator[Node], bool]] = [(iter(root.named_children), False)]
    fence = False
    while stack:
        children, inside_definition = stack[-1]
        depth = len(stack)
        for node in children:
            start, end = node.byte_range
            weight = weights[end] - weights[start]
            defines = start in definitions
            heavy = weight > (LIMIT if defines or depth == 1 else _INNER_LIMIT)
            line = start - node.start_point[1]
            if line in (start, 0) or data[line:start].isspace():
                role = _role(node.type, defines, heavy)
                if not cuts or cuts[-1].position < line:
                    cuts.append(Cut(line, depth, role, fence))
                    fence = False
                elif cuts[-1].position == line and cuts[-1].role < Role.DEFINITION:
                    # The inner of two on one line says more, unless the outer is a definition.
                    cuts[-1] = cuts[-1]._replace(role=role)
            if heavy and depth < _MAX_DEPTH and node.named_child_count:
                stack.append((iter(node.named_children), defines))
                break
        else:
            stack.pop()
            fence = fence or inside_definition
    if not cuts or cuts[0].position > 0:
        cuts.insert(0, Cut(0, 1, Role.PLAIN, False))
    return _with_leads(cuts, data, weights)


def _role(kind: str, defines: bool, heavy: bool) -> Role:
    if defines:
        return Role.HEADER if heavy else Role.DEFINITION
    if kind in _LEADS:
        return Role.LEAD
    return Role.IMPORT if kind in _IMPORTS else Role.PLAIN


def _with_leads(cuts: list[Cut], data: bytes, weights: Weights) -> list[Cut]:
    """Join comments and decorators to what is directly below them, where the two fit together."""
    joined: list[Cut] = []
    for index, cut in enumerate(cuts):
        last = joined[-1] if joined else None
        if last is None or last.role is not _LEAD or cut.fence:
            joined.append(cut)
            continue
        end = cuts[index + 1].position if index + 1 < len(cuts) else len(data)
        fits = weights[end] - weights[last.position] <= LIMIT
        if fits and not blank_before(data, cut.position):
            joined[-1] = cut._replace(position=last.position, fence=last.fence)
        else:
            joined.append(cut)
    return joined


def blank_before(data: bytes, position: int) -> bool:
    """Whether the line above the line that starts at `position` is blank."""
    above = data.rfind(b"\n", 0, max(position - 1, 0)) + 1
    line = data[above:position]
    return not line or line.isspace()
