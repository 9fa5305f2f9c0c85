"""Nodes of the tree as resources: files, outlines of files and folders, and parts of files by their hash.

Knows no wire; a resource that is not there is a ToolError.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from urllib.parse import quote, unquote

from megacontext.configs.errors import ToolError

from .answers import Place
from .lending import Lender

SCHEME = "megacontext://"
PAGE = 200
"""Resources listed at once."""
TEMPLATES = (
    ("file", f"{SCHEME}file/{{+path}}", "A file, verbatim as it is now."),
    (
        "outline",
        f"{SCHEME}outline/{{+path}}",
        "What a file defines, or what a folder holds; without a path the root.",
    ),
    (
        "part",
        f"{SCHEME}part/{{hash}}/{{+path}}",
        "A part of a file by the hash that answers tell, as long as the file still holds it.",
    ),
)
_URI = re.compile(r"megacontext://(?P<kind>file|outline|part)(?:/(?P<rest>.*))?", re.DOTALL)


@dataclass(frozen=True)
class Listed:
    """A resource in the list."""

    uri: str
    name: str
    size: int | None = None


@dataclass(frozen=True)
class Content:
    """A resource that was read."""

    text: str
    place: Place


def listed(lender: Lender, after: str = "") -> tuple[list[Listed], str | None]:
    """A page of resources behind the path `after`, and the path to go on behind; None at the end."""
    with lender.memory.reading():
        page = list(islice(_listed(lender, after), PAGE + 1))
    more = len(page) > PAGE
    return page[:PAGE], page[PAGE - 1].name if more else None


def _listed(lender: Lender, after: str) -> Iterator[Listed]:
    if not after:
        yield Listed(f"{SCHEME}outline/", "outline of the repository")
    for file in lender.memory.catalogue.files():
        if file.path > after:
            yield Listed(f"{SCHEME}file/{quote(file.path)}", file.path, file.size)


def content(lender: Lender, uri: str) -> Content:
    """Read a resource; raises ToolError when there is none at `uri`."""
    found = _URI.fullmatch(uri)
    if found is None:
        raise ToolError(f"{uri[:200]} is no resource of this server; see its templates")
    rest = unquote(found["rest"] or "")
    match found["kind"]:
        case "outline":
            answer = lender.outline(rest)
            return Content(answer.told(), answer)
        case "part":
            key, _, path = rest.partition("/")
            place, text = lender.chunk(path, key)
            return Content(text, place)
    return _file(lender, rest)


def _file(lender: Lender, path: str) -> Content:
    place, data = lender.whole(path)
    return Content(data.decode("utf-8", "replace"), place)
