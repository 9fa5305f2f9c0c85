"""What a program wrote, as text that is safe to show and short enough to read."""

import re

from ..edits.change import visible

_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]"
)
LONGEST_LINE = 2_000
BINARY_SHARE = 0.1


def as_text(head: bytes, tail: bytes, total: int) -> str:
    """Output as text: no escape sequences, progress bars as they ended, and a word about what is not shown."""
    if _is_binary(head + tail):
        return f"[{total:,} bytes of binary output, not shown]"
    if not tail:
        return _plain(head)
    missing = total - len(head) - len(tail)
    # A character may have been cut through on either side.
    first, last = _plain(head).rstrip("\ufffd"), _plain(tail).lstrip("\ufffd")
    return f"{first}\n[… {missing:,} bytes not shown …]\n{last}"


def _is_binary(data: bytes) -> bool:
    if b"\0" in data:
        return True
    text = data[:100_000].decode("utf-8", "replace")
    return text.count("\ufffd") > BINARY_SHARE * len(text) + 4


def _plain(data: bytes) -> str:
    text = _ESCAPES.sub("", data.decode("utf-8", "replace"))
    # What a line was overwritten with, as in progress bars, is what a terminal would show in the end.
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return visible("\n".join(lines))


def bounded(text: str, most: int) -> str:
    """Text of at most `most` characters: its beginning and, more of it, its end, where programs say how it went."""
    lines = [
        line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}… ({len(line):,} characters)"
        for line in text.split("\n")
    ]
    text = "\n".join(lines)
    if len(text) <= most:
        return text
    note = "\n[… {:,} characters not shown …]\n"
    room = max(0, most - len(note) - 12)
    first = room // 3
    last = room - first
    return text[:first] + note.format(len(text) - room) + text[len(text) - last :]
