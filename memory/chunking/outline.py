"""Signatures, doc lines and outlines: text made of a chunk's definitions. Knows no grammar."""

import re
from collections.abc import Sequence

from .records import Symbol

_MAX_SIGNATURE = 300
_MAX_LINE = 100
_MAX_DOC = 160
_MAX_OUTLINE = 400
_ONE_LINE = frozenset({"constant", "variable", "field", "key", "selector", "heading"})

_TRAILING_COMMENT = re.compile(rb"[ \t]+(?:#|//)[^\n\"']*$", re.MULTILINE)
_MAX_COMMENT_LINES = 100
# An attribute of Rust may stand between a comment and what it is about.
_COMMENT_MARKS = (b"//", b"# ", b"##", b"#[", b"*", b"/*", b"--")
_DOC_TAGS = re.compile(rb"</?(?:summary|remarks|para|p|b|i|code)>")
_STRING_PREFIX = re.compile(rb"^[a-zA-Z]{0,2}(?:\"\"\"|'''|\"|')")
_DECORATION = b" \t/*#!-=<>~"


def plain(text: bytes, limit: int) -> str:
    """`text` on one line, white space collapsed, at most `limit` characters."""
    line = b" ".join(text[: limit * 8].split()).decode("utf-8", "replace")
    return line if len(line) <= limit else line[: limit - 1] + "…"


def first_line(text: bytes) -> str:
    """The first line of `text` that says something, without its marks of decoration."""
    for line in text.splitlines():
        bare = line.strip(_DECORATION)
        if bare[:1].isalnum() or bare[:1] >= b"\x80":
            return plain(bare, _MAX_DOC)
    return ""


def signature(data: bytes, head: int, body: int, end: int, kind: str) -> str:
    """The header of a definition: from `head` to its body (-1 if it has none), on one line."""
    if body < 0:
        body = _end_of_first_line(data, head, min(end, head + 2000))
    text = data[head : min(body, head + 2000)]
    if b"#" in text or b"//" in text:
        text = _TRAILING_COMMENT.sub(b"", text)
    limit = _MAX_LINE if kind in _ONE_LINE else _MAX_SIGNATURE
    line = plain(text, limit).rstrip(" {:;,").removesuffix("=>").rstrip()
    if "( " in line or " )" in line:
        line = line.replace("( ", "(").replace(", )", ")").replace(" )", ")")
    return line


def _end_of_first_line(data: bytes, start: int, end: int) -> int:
    """The end of the first line on which all parentheses are closed."""
    stop, depth = start, 0
    while stop < end:
        newline = data.find(b"\n", stop, end)
        after = end if newline < 0 else newline + 1
        depth += data.count(b"(", stop, after) - data.count(b")", stop, after)
        stop = after
        if depth <= 0:
            break
    return stop


def docstring(literal: bytes) -> str:
    """First line of a string literal, without prefix and quotes."""
    quote = _STRING_PREFIX.match(literal)
    text = literal[quote.end() :] if quote else literal
    for line in text.splitlines():
        if bare := line.strip().rstrip(b"\"'").strip():
            return plain(bare, _MAX_DOC)
    return ""


def comment_above(data: bytes, position: int) -> str:
    """First line of the comment that ends directly above the line of `position`."""
    start = line = data.rfind(b"\n", 0, position) + 1
    if data[start:position].strip():
        return ""
    for _ in range(_MAX_COMMENT_LINES):
        above = data.rfind(b"\n", 0, max(line - 1, 0)) + 1
        text = data[above:line].strip() if line else b""
        if text != b"#" and not text.startswith(_COMMENT_MARKS) and not text.endswith(b"*/"):
            break
        line = above
    if line == start:
        return ""
    lines = [text for text in data[line:start].splitlines() if not text.lstrip().startswith(b"#[")]
    return first_line(_DOC_TAGS.sub(b"", b"\n".join(lines)))


def outline(symbols: Sequence[Symbol], owner: Symbol | None, text: bytes) -> str:
    """The definitions that start in a chunk, one a line, or where it belongs and how it starts.

    `owner` is the definition that the chunk is a part of, if it is one.
    """
    lines = [] if owner is None else [f"{owner.signature} …"]
    base = min((symbol.scope.count(".") + bool(symbol.scope) for symbol in symbols), default=0)
    left = _MAX_OUTLINE - sum(map(len, lines))
    for symbol in symbols:
        depth = symbol.scope.count(".") + bool(symbol.scope) - base + len(lines[:1]) * bool(owner)
        line = "  " * depth + symbol.signature
        if symbol.doc:
            line = f"{line}  # {symbol.doc}"
        if len(line) >= left:
            lines.append("…")
            break
        lines.append(line)
        left -= len(line) + 1
    if not symbols:
        lines.append(first_text_line(text))
    return "\n".join(lines)[:_MAX_OUTLINE]


def first_text_line(text: bytes) -> str:
    """The first line that is not blank, collapsed."""
    for line in text[:2000].splitlines():
        if bare := line.strip():
            return plain(bare, _MAX_DOC)
    return ""
