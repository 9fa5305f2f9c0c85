"""Text from a repository inside of Markdown: it says what it says, and marks up nothing."""

import re
from typing import Final

from megacontext.agent.edits.change import visible

_MARKS: Final = re.compile(r"[\\`*_{}\[\]()#+\-.!|~$:@^=/]")
_RUN: Final = re.compile(r"`+")


def escaped(text: str) -> str:
    """Text on one line in which nothing is markup, HTML, a link or an address."""
    line = " ".join(visible(text).split())
    quoted = _MARKS.sub(r"\\\g<0>", line.replace("&", "&amp;"))
    return quoted.replace("<", "&lt;").replace(">", "&gt;")


def fenced(code: str, language: str = "") -> str:
    """A block of code, whatever backticks are in it."""
    fence = "`" * max(3, 1 + max((len(run) for run in _RUN.findall(code)), default=0))
    return f"{fence}{language}\n{visible(code)}\n{fence}"
