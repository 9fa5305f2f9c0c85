"""Whether a file still parses, and what it defines. Knows grammars, no files on disk.

Tree-sitter reads every language it has a grammar for; for Python its forgiving indentation is checked once more.
"""

import ast
import warnings
from dataclasses import dataclass

from tree_sitter import Node

from megacontext.memory.chunking import MAX_PARSED_BYTES, Symbol, chunk_file, language_of
from megacontext.memory.chunking.languages import grammar_of


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """The first place where a file does not parse."""

    line: int
    """1-based."""
    what: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}"


def syntax_fault(path: str, data: bytes) -> SyntaxFault | None:
    """The first fault of a file; None when it parses, or when there is no grammar to tell."""
    language = language_of(path, data)
    grammar = grammar_of(language)
    if grammar is None or len(data) > MAX_PARSED_BYTES or b"\0" in data:
        return None
    root = grammar.parse(data).root_node
    if root.has_error:
        return _first_fault(root, data)
    return _indentation_fault(data) if language == "python" else None


def breaks(path: str, before: bytes | None, after: bytes) -> SyntaxFault | None:
    """The fault of `after`, unless the file was broken before."""
    fault = syntax_fault(path, after)
    if fault is None or before is None or syntax_fault(path, before) is not None:
        return None
    return fault


def definitions(path: str, data: bytes) -> tuple[Symbol, ...]:
    """The definitions of a file, in order of position."""
    return chunk_file(path, data).symbols


def _first_fault(root: Node, data: bytes) -> SyntaxFault:
    node = root
    while not (node.is_error or node.is_missing):
        inner = next((child for child in node.children if child.has_error), None)
        if inner is None:
            break
        node = inner
    line = node.start_point.row + 1
    if node.is_missing:
        return SyntaxFault(line, f"{node.type!r} is missing")
    text = data[node.start_byte : node.start_byte + 80].decode("utf-8", "replace").split("\n")[0]
    return SyntaxFault(line, f"cannot be read from {text.strip()!r} on")


def _indentation_fault(data: bytes) -> SyntaxFault | None:
    # Only indentation: other complaints of this interpreter may be about a newer Python than its own.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(data)
    except IndentationError as exc:
        return SyntaxFault(exc.lineno or 1, exc.msg)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return None
