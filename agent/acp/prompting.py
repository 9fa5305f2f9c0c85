"""What a person sends from an editor, as the one text that the agent takes. Reads no file.

A link to a file becomes a mention, which the agent brings along from memory; what the editor embeds stands in the text.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from acp.schema import (
    BlobResourceContents,
    EmbeddedResourceContentBlock,
    ResourceContentBlock,
    TextContentBlock,
)

from megacontext.configs.errors import FocusError, ToolError

from ..chat.focusing import MENTION
from ..paths import repository_path

LONGEST = 2_000_000
"""Characters of a message."""
_LINES = re.compile(r"L?(?P<first>\d{1,7})(?:[-:]L?(?P<last>\d{1,7}))?")
_WORD = re.compile(r"[\w./@+-]")
_FENCE = re.compile(r"`{3,}")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message."""

    text: str
    notes: tuple[str, ...]
    """What of it was left out and why, for the person."""


def sent(blocks: Sequence[Any], root: Path) -> Sent:
    """The text of content blocks; raises ToolError for one that is empty or too long."""
    parts: list[str] = []
    notes: list[str] = []
    for block in blocks:
        match block:
            case TextContentBlock(text=text):
                _add(parts, text)
            case ResourceContentBlock(uri=uri, name=name):
                _add(parts, _linked(uri, name, root, notes))
            case EmbeddedResourceContentBlock(resource=resource):
                parts.append(_embedded(resource, root, notes))
            case _:
                notes.append(f"{block.type} is left out: this agent reads text")
    text = "".join(parts).strip()
    if not text:
        raise ToolError("; ".join(notes) or "the message is empty")
    if len(text) > LONGEST:
        raise ToolError(f"the message has {len(text):,} characters; at most {LONGEST:,} are read")
    return Sent(text, tuple(notes))


def _add(parts: list[str], text: str) -> None:
    """Add a part, apart from the one before where the two would be read as one word, or one path."""
    if parts and _WORD.match(parts[-1][-1:]) and _WORD.match(text):
        parts.append(" ")
    parts.append(text)


def _linked(uri: str, name: str, root: Path, notes: list[str]) -> str:
    path, lines = _inside(uri, root)
    if path is None:
        notes.append(f"{name or uri} was not read: it is no file of this repository")
        return f"({name or uri}, which is no file of this repository)"
    mention = f"@{path}{lines}"
    return mention if MENTION.fullmatch(mention) else f"`{path}`{lines.replace(':', ', lines ')}"


def _embedded(resource: Any, root: Path, notes: list[str]) -> str:
    path, lines = _inside(resource.uri, root)
    name = f"{path}{lines}" if path else resource.uri
    if isinstance(resource, BlobResourceContents):
        notes.append(f"{name} is left out: this agent reads text")
        return ""
    longest = max((len(run) for run in _FENCE.findall(resource.text)), default=2)
    fence = "`" * (longest + 1)
    return f"\n\n{name}:\n{fence}\n{resource.text.rstrip(chr(10))}\n{fence}\n\n"


def _inside(uri: str, root: Path) -> tuple[str | None, str]:
    """The path below the root that a URI means, and its lines as `:first-last`; None for any other."""
    try:
        parts = urlsplit(uri)
        if parts.scheme not in {"", "file"} or parts.netloc not in {"", "localhost"}:
            return None, ""
        typed = unquote(parts.path, errors="strict")
        if not typed or "\0" in typed:
            return None, ""
        path = repository_path(root, typed, root)
        if not (root / path).resolve().is_relative_to(root):
            return None, ""
    except (ValueError, FocusError, OSError):
        return None, ""
    found = _LINES.fullmatch(parts.fragment)
    if found is None:
        return path, ""
    return path, f":{found['first']}-{found['last'] or found['first']}"
