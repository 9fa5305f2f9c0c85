"""The table of dotted keys, and words for what each allows.

Derived from the settings' own types, so that a message never drifts from the check. Knows no
layer and no file.
"""

import types
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from .settings import Settings


@dataclass(frozen=True)
class Key:
    """One dotted key. `section` is the model behind a section, None for a plain value."""

    name: str
    allowed: str
    section: type[BaseModel] | None
    nullable: bool
    repository_may_set: bool
    hidden: bool


@cache
def key_table() -> dict[str, Key]:
    """Every key by its dotted name, sections before the keys in them."""
    return {key.name: key for key in _keys_of(Settings, "", repository_may_set=True)}


def close_to(name: str) -> list[str]:
    """Up to three known keys that `name` may have meant, the likeliest first."""
    names = list(key_table())
    near = get_close_matches(name.lower().replace("-", "_"), names, n=3, cutoff=0.75)
    last = name.rpartition(".")[2]
    # A key in the wrong section: right word, wrong place.
    return near or [known for known in names if known.rpartition(".")[2] == last][:3]


def _keys_of(model: type[BaseModel], prefix: str, repository_may_set: bool) -> Iterator[Key]:
    for name, field in model.model_fields.items():
        section = _section(field.annotation)
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        permitted = repository_may_set and extra.get("repository_may_set") is not False
        yield Key(
            name=prefix + name,
            allowed=_allowed(field, section),
            section=section,
            nullable=types.NoneType in get_args(field.annotation),
            repository_may_set=permitted,
            hidden=bool(extra.get("hidden")),
        )
        if section is not None:
            yield from _keys_of(section, f"{prefix}{name}.", permitted)


def _section(annotation: Any) -> type[BaseModel] | None:
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _allowed(field: FieldInfo, section: type[BaseModel] | None) -> str:
    if section is not None:
        return f"a section with the keys {', '.join(section.model_fields)}"
    return _words(field.annotation, field.metadata, field.description)


def _words(annotation: Any, metadata: list[Any], description: str | None = None) -> str:
    """What a type allows, such as "a whole number from 1 to 64"."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if description is not None:
        return description
    if origin is Annotated:
        inner = [item for item in parts[1:] if isinstance(item, FieldInfo)]
        told = next((item.description for item in inner if item.description), None)
        return _words(parts[0], [*metadata, *parts[1:]], told)
    if origin in (Union, types.UnionType):
        plain = [_words(part, metadata) for part in parts if part is not types.NoneType]
        return " or ".join([*plain, "null"])
    if origin is Literal:
        return "one of " + ", ".join(str(part) for part in parts)
    if origin is tuple:
        return f"a list such as [a, b], each {_words(parts[0], [])}"
    return _PLAIN[annotation] + _range(metadata)


_PLAIN = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text that is not empty",
    Path: "a path",
}


def _range(metadata: list[Any]) -> str:
    low = high = ""
    for item in metadata:
        if isinstance(item, annotated_types.Ge):
            low = f" from {item.ge}"
        elif isinstance(item, annotated_types.Gt):
            low = f" above {item.gt}"
        elif isinstance(item, annotated_types.Le):
            high = f" to {item.le}"
    return low + high
