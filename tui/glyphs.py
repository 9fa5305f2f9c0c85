"""The signs that the screen is drawn with, for terminals with Unicode and for those without. Knows no colour."""

import codecs
import os
from collections.abc import Mapping
from dataclasses import dataclass

ASCII_VARIABLE = "MEGACONTEXT_ASCII"
"""Set to 1, nothing but ASCII is drawn; set to 0, Unicode is, whatever the terminal says of itself."""
WITHOUT_BLOCKS = frozenset({"linux", "dumb", "vt100", "vt220"})
"""Values of TERM whose fonts lack block elements."""


@dataclass(frozen=True)
class Glyphs:
    """One set of signs, each one cell wide."""

    levels: tuple[str, str, str, str, str]
    """An entry by its level, L0 first; higher ones look like the last."""
    silent: str
    """An entry that is covered and not rendered."""
    open: str
    closed: str
    running: str
    ok: str
    bad: str
    notice: str
    selected: str
    prompt: str
    separator: str
    ellipsis: str
    on: str
    off: str
    full: str
    empty: str
    dot: str
    bullet: str
    here: str
    """Where keys act, on the map."""

    @property
    def is_ascii(self) -> bool:
        """Whether these are for terminals without Unicode."""
        return self.full.isascii()

    def level(self, level: int) -> str:
        """The sign of a rendered entry."""
        return self.levels[min(level, len(self.levels) - 1)]

    def shortened(self, text: str, width: int) -> str:
        """The end of `text` if all of it does not fit, since paths differ at the end."""
        if len(text) <= width:
            return text
        return self.ellipsis + text[len(text) - width + 1 :] if width > 1 else text[:width]


UNICODE = Glyphs(
    levels=("▇", "▅", "▂", "▁", "▁"),
    silent="·",
    open="▾",
    closed="▸",
    running="◌",
    ok="✓",
    bad="✗",
    notice="›",
    selected="▌",
    prompt="›",
    separator="·",
    ellipsis="…",
    on="■",
    off="□",
    full="█",
    empty="░",
    dot="●",
    bullet="•",
    here="◆",
)
ASCII = Glyphs(
    levels=("#", "*", "+", "=", "="),
    silent=".",
    open="v",
    closed=">",
    running="~",
    ok="+",
    bad="x",
    notice="-",
    selected="|",
    prompt=">",
    separator="-",
    ellipsis="~",
    on="x",
    off=" ",
    full="#",
    empty=".",
    dot="*",
    bullet="*",
    here="@",
)


def glyphs_for(encoding: str | None, environment: Mapping[str, str] = os.environ) -> Glyphs:
    """The set that a terminal of this encoding can show."""
    wish = environment.get(ASCII_VARIABLE, "")
    if wish in {"0", "1"}:
        return ASCII if wish == "1" else UNICODE
    if environment.get("TERM", "") in WITHOUT_BLOCKS:
        return ASCII
    try:
        name = codecs.lookup(encoding or "ascii").name
    except LookupError:
        name = "ascii"
    return UNICODE if name.startswith("utf") else ASCII
