"""Bytes of a file to chunks, symbols and references: a pure function of path and bytes.

Knows no database, no model and no file system. A file takes one of three ways: by its syntax tree,
by its headings, or by its blank lines when there is no grammar or the grammar cannot make sense of it.
"""

import re
from collections.abc import Iterator
from hashlib import blake2b

from tree_sitter import Node

from .cuts import syntax_cuts
from .headings import find_headings, heading_cuts, heading_symbols, names_in_text
from .languages import Grammar, grammar_of, language_of
from .outline import outline
from .packing import Piece, pack
from .prose import text_cuts
from .records import Chunk, ChunkedFile, Symbol
from .tags import Span, read_tags
from .weight import Weights, weigh

MAX_PARSED_BYTES = 2_000_000
"""A larger file is data or generated, and is cut by its blank lines."""
_HOPELESS = 0.3
"""With more than this share of a file inside errors, its tree says nothing."""
_DOCUMENTS = frozenset({"markdown", "rst", "text"})
_DATA = frozenset({"json", "yaml", "toml"})
_MAX_REFERENCE = 120
_ODD = re.compile(r"[^\w\n]")
_MAX_TOKENS = 2_000
_MAX_LOOKS = 1_000


def chunk_file(path: str, data: bytes) -> ChunkedFile:
    """Cut a file into chunks that tile it, and read its symbols and references. Any bytes will do.

    `path` only tells the language. Never raises.
    """
    language = language_of(path, data)
    if not data:
        return ChunkedFile(language, (), (), (), False)
    weights = weigh(data)
    grammar = grammar_of(language)
    if grammar and len(data) <= MAX_PARSED_BYTES and b"\0" not in data:
        by_syntax = _by_syntax(language, grammar, data, weights)
        if by_syntax is not None:
            return by_syntax
    if language in _DOCUMENTS:
        return _by_headings(language, data, weights)
    pieces = pack(text_cuts(data, weights, 0, len(data), 1), data, weights)
    return _assemble(language, data, pieces, [], [], broken=grammar is not None)


def _by_syntax(
    language: str, grammar: Grammar, data: bytes, weights: Weights
) -> ChunkedFile | None:
    """None if errors fill too much of the file."""
    root = grammar.parse(data).root_node
    broken = root.has_error
    if broken and is_tangled(root):
        return None
    tags = read_tags(grammar, root, data)
    if broken and tags.error_bytes > _HOPELESS * len(data):
        return None
    pieces = pack(syntax_cuts(root, data, weights, tags.starts), data, weights)
    return _assemble(language, data, pieces, tags.symbols, tags.references, broken=broken)


def is_tangled(root: Node) -> bool:
    """Whether an error node holds thousands of tokens.

    Such a tree is worthless, and a query takes time quadratic in the children of one node.
    """
    stack, left = [root], _MAX_LOOKS
    while stack and left:
        node = stack.pop()
        left -= 1
        if node.child_count > _MAX_TOKENS and node.named_child_count < node.child_count // 4:
            return True
        stack.extend(child for child in node.children if child.has_error)
    return False


def _by_headings(language: str, data: bytes, weights: Weights) -> ChunkedFile:
    headings = find_headings(data, language)
    pieces = pack(heading_cuts(data, weights, headings), data, weights)
    symbols = heading_symbols(data, headings)
    return _assemble(language, data, pieces, symbols, [names_in_text(data)], broken=False)


def _assemble(
    language: str,
    data: bytes,
    pieces: list[Piece],
    symbols: list[Symbol],
    references: list[list[Span]],
    *,
    broken: bool,
) -> ChunkedFile:
    starts = [piece.start for piece in pieces]
    ends = [*starts[1:], len(data)]
    names = _names_by_chunk(data, ends, references)
    chunks: list[Chunk] = []
    line = 1
    inside = _symbols_by_chunk(symbols, starts)
    for piece, end, (owner, own) in zip(pieces, ends, inside, strict=True):
        start = piece.start
        text = data[start:end]
        newlines = text.count(b"\n")
        main = _main_definition(own, start, end) or owner
        chunks.append(
            Chunk(
                start=start,
                end=end,
                start_line=line,
                end_line=line + newlines - text.endswith(b"\n"),
                kind=_kind(language, main, piece),
                symbol=main.qualified if main else "",
                outline=outline(own, owner, text),
                digest=blake2b(text, digest_size=16).digest(),
            )
        )
        line += newlines
    return ChunkedFile(language, tuple(chunks), tuple(symbols), names, broken)


def _names_by_chunk(
    data: bytes, ends: list[int], references: list[list[Span]]
) -> tuple[tuple[str, ...], ...]:
    """The names at the given places, deduplicated and sorted for each chunk."""
    names: list[set[bytes]] = [set() for _ in ends]
    for spans in references:
        chunk = 0
        limit, add = ends[0], names[0].add
        for start, end in spans:
            if start >= limit:
                while start >= ends[chunk]:
                    chunk += 1
                limit, add = ends[chunk], names[chunk].add
            add(data[start:end])
    return tuple(tuple(sorted(_cleaned(found))) for found in names)


def _cleaned(names: set[bytes]) -> set[str]:
    """Names as text. Paths and quoted names of imports lose their marks; too long ones are left out."""
    words = b"\n".join([name for name in names if len(name) <= _MAX_REFERENCE])
    text = words.decode("utf-8", "replace")
    if not _ODD.search(text):
        return set(text.split())
    cleaned = {word.strip("\"'<>`;,") for word in text.split()}
    cleaned.discard("")
    return cleaned


def _symbols_by_chunk(
    symbols: list[Symbol], starts: list[int]
) -> Iterator[tuple[Symbol | None, list[Symbol]]]:
    """For each chunk the innermost definition that began before it and goes on, and those in it."""
    stack: list[Symbol] = []
    place = 0
    for index, start in enumerate(starts):
        while stack and stack[-1].end <= start:
            stack.pop()
        owner = next((s for s in reversed(stack) if s.end > start), None)
        limit = starts[index + 1] if index + 1 < len(starts) else None
        first = place
        while place < len(symbols) and (limit is None or symbols[place].start < limit):
            symbol = symbols[place]
            while stack and stack[-1].end <= symbol.start:
                stack.pop()
            stack.append(symbol)
            place += 1
        yield owner, symbols[first:place]


def _main_definition(symbols: list[Symbol], start: int, end: int) -> Symbol | None:
    """The definition that fills more than half of `[start, end)`: one that ends in it, if any."""
    half = (end - start) / 2
    large = [symbol for symbol in symbols if min(symbol.end, end) - symbol.start > half]
    whole = (symbol for symbol in large if symbol.end <= end)
    return next(whole, large[0] if large else None)


def _kind(language: str, main: Symbol | None, piece: Piece) -> str:
    if piece.imports:
        return "imports"
    if language in _DATA:
        return "data"
    if language in _DOCUMENTS:
        return "section" if main else "text"
    return main.kind if main else "block"
