"""Which files are worth learning from, and what of them. Knows one text at a time, plus lines seen."""

import hashlib
import re
from pathlib import PurePosixPath

VENDORED = frozenset(
    {"_vendor", "vendored", "vendor", "_vendored", "third_party", "_extern", "externals"}
)
MIN_BYTES = 64
MAX_LINE = 1000
MAX_MEAN_LINE = 110
MIN_LETTERS = 0.45
"""Share of letters among what is not white space; Python code has about 0.7, tables under 0.3."""
MAX_SEEN = 0.6
"""Share of a file's lines that other files already have; more is a near copy."""

_GENERATED = re.compile(
    r"(?:auto[- ]?generated|generated (?:by|from)|@generated|do not edit)", re.IGNORECASE
)
_NOTICE = re.compile(r"copyright|licen[cs]e", re.IGNORECASE)
_HEADER = re.compile(r"\A(?:[ \t]*#[^\n]*\n|[ \t]*\n)+")


def reason_to_drop(path: str, content: bytes, max_bytes: int) -> str | None:
    """Name why a file stays out of the corpus, or None for a file to keep."""
    if VENDORED & set(PurePosixPath(path).parts[:-1]):
        return "vendored"
    if not MIN_BYTES <= len(content) <= max_bytes:
        return "size"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return "encoding"
    return _reason_in_text(text)


def reason_to_drop_prose(path: str, content: bytes, max_bytes: int) -> str | None:
    """As `reason_to_drop`, for documents whose paragraphs may be lines however long."""
    if not MIN_BYTES <= len(content) <= max_bytes:
        return "size"
    if b"\0" in content:
        return "generated"
    dense = "".join(content.decode("utf-8").split())
    return "literals" if sum(map(str.isalpha, dense)) < MIN_LETTERS * len(dense) else None


def _reason_in_text(text: str) -> str | None:
    lines = text.splitlines()
    if "\0" in text or _GENERATED.search("\n".join(lines[:6])):
        return "generated"
    if max(map(len, lines), default=0) > MAX_LINE or len(text) > MAX_MEAN_LINE * len(lines):
        return "minified"
    dense = "".join(text.split())
    if sum(map(str.isalpha, dense)) < MIN_LETTERS * len(dense):
        return "literals"
    return None


def without_notice(text: str) -> str:
    """Drop a leading comment that is a copyright or licence notice.

    It is the same few paragraphs in ten thousand files, and nothing to complete.
    """
    header = _HEADER.match(text)
    if header and _NOTICE.search(header.group()):
        return text[header.end() :]
    return text


class SeenLines:
    """Lines met so far, to find copies and near copies."""

    def __init__(self) -> None:
        self._texts: set[bytes] = set()
        self._lines: set[int] = set()

    def is_copy(self, text: str) -> bool:
        """Whether the text, or most of its longer lines, came before; if not, remember it."""
        digest = hashlib.blake2b(" ".join(text.split()).encode(), digest_size=16).digest()
        lines = {hash(line) for line in map(str.strip, text.splitlines()) if len(line) >= 24}
        seen = len(lines & self._lines)
        if digest in self._texts or (lines and seen > MAX_SEEN * len(lines)):
            return True
        self._texts.add(digest)
        self._lines |= lines
        return False
