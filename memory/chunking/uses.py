"""Where a file uses a name, told by its syntax tree where there is one. Knows no store."""

import re

from tree_sitter import Node

from .chunker import MAX_PARSED_BYTES, is_tangled
from .languages import grammar_of, language_of
from .tags import Span, read_tags

_PROSE = ("string", "comment", "text", "heredoc", "char_literal")
"""What no name stands in, by a part of the type of its node."""


def find_uses(path: str, data: bytes, name: str) -> list[Span]:
    """Byte ranges of the uses of `name`, in order; its definitions are none.

    In a language without a grammar, and in a file that its grammar cannot read, every such word is a use.
    """
    wanted = name.encode("utf-8", "replace")
    word = re.compile(rb"(?<![\w\x80-\xff])" + re.escape(wanted) + rb"(?![\w\x80-\xff])")
    found = [match.span() for match in word.finditer(data)] if wanted else []
    grammar = grammar_of(language_of(path, data))
    if not found or grammar is None or len(data) > MAX_PARSED_BYTES or b"\0" in data:
        return found
    root = grammar.parse(data).root_node
    if root.has_error and is_tangled(root):
        return found
    names = read_tags(grammar, root, data).names
    return [span for span in found if span[0] not in names and _is_name(root, span)]


def _is_name(root: Node, span: Span) -> bool:
    """Whether a word is a node of its own, and no part of a text or comment."""
    node = root.named_descendant_for_byte_range(*span)
    return (
        node is not None
        and node.byte_range == span
        and not any(each in node.type for each in _PROSE)
    )
