"""Arguments of tools: their schema for the model, and what the model wrote, checked and put right where that is plain.

Knows no tool and no file. What cannot be read is a ToolError that names the argument and what it must be.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from megacontext.configs.errors import ToolError
from megacontext.models.base import ToolSpec

Kind = Literal["string", "integer", "boolean"]
LONGEST_NAME = 4_000
LONGEST_TEXT = 1_000_000
"""Characters of an argument that is a text, or that is not."""
_SWITCHES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a tool."""

    name: str
    kind: Kind
    description: str
    required: bool = False
    aliases: tuple[str, ...] = ()
    """Other names that models give it."""
    choices: tuple[str, ...] = ()
    default: Any = None
    text: bool = False
    """May be long, and is taken as it is: code, the content of a file."""
    structured: bool = False
    """An object or a list given for it is written as JSON."""
    least: int = 1
    """For whole numbers."""


@dataclass(frozen=True, slots=True)
class Understood:
    """Arguments as they were meant, and what was put right."""

    values: dict[str, Any]
    notes: tuple[str, ...]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]


def tool_spec(name: str, description: str, arguments: Sequence[Argument]) -> ToolSpec:
    """What a model is told of a tool."""
    properties: dict[str, Any] = {}
    for each in arguments:
        properties[each.name] = {"type": each.kind, "description": each.description}
        if each.choices:
            properties[each.name]["enum"] = list(each.choices)
    required = [each.name for each in arguments if each.required]
    schema = {"type": "object", "properties": properties, "required": required}
    return ToolSpec(name, description, schema)


def understand(given: Mapping[str, Any], arguments: Sequence[Argument]) -> Understood:
    """Read a call's arguments; raises ToolError for what is missing, of a wrong type, or too long."""
    known = {each.name for each in arguments}
    notes: list[str] = []
    values: dict[str, Any] = {}
    used: set[str] = set()
    for each in arguments:
        name = _name_given(given, each)
        used.add(name)
        value = given.get(name)
        if value is None and each.required:
            raise ToolError(_missing(each, given))
        if value is not None and name != each.name:
            notes.append(f"took `{name}` for `{each.name}`")
        values[each.name] = each.default if value is None else _read(each, value, notes)
    unknown = [str(name)[:40] for name in given if name not in known | used]
    if unknown:
        notes.append(f"passed over {', '.join(unknown[:5])}, which it does not know")
    return Understood(values, tuple(notes))


def _name_given(given: Mapping[str, Any], argument: Argument) -> str:
    if given.get(argument.name) is not None:
        return argument.name
    return next((name for name in argument.aliases if given.get(name) is not None), argument.name)


def _missing(argument: Argument, given: Mapping[str, Any]) -> str:
    names = ", ".join(str(name)[:40] for name in list(given)[:10]) or "nothing"
    return f"`{argument.name}` is missing: {argument.description} Given was {names}."


def _read(argument: Argument, value: Any, notes: list[str]) -> Any:
    match argument.kind:
        case "integer":
            return _number(argument, value)
        case "boolean":
            return _switch(argument, value)
        case _:
            return _string(argument, value, notes)


def _number(argument: Argument, value: Any) -> int:
    whole = isinstance(value, str) and value.strip().lstrip("+-").isdecimal() and len(value) < 20
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        whole = True
    if isinstance(value, bool) or not (whole or isinstance(value, int)):
        raise _wrong(argument, value, f"a whole number from {argument.least} on")
    number = int(value)
    if not argument.least <= number < 1 << 31:
        raise _wrong(argument, value, f"a whole number from {argument.least} on")
    return number


def _switch(argument: Argument, value: Any) -> bool:
    found = (
        _SWITCHES.get(str(value).strip().lower()) if isinstance(value, bool | int | str) else None
    )
    if found is None:
        raise _wrong(argument, value, "true or false")
    return found


def _string(argument: Argument, value: Any, notes: list[str]) -> str:
    text = _as_text(argument, value, notes)
    most = LONGEST_TEXT if argument.text else LONGEST_NAME
    if len(text) > most:
        raise ToolError(
            f"`{argument.name}` has {len(text):,} characters; at most {most:,} are read"
        )
    if argument.choices:
        lowered = text.strip().lower()
        if lowered not in argument.choices:
            raise _wrong(argument, value, f"one of {', '.join(argument.choices)}")
        return lowered
    return text if argument.text else text.strip()


def _as_text(argument: Argument, value: Any, notes: list[str]) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if argument.text and isinstance(value, list) and all(isinstance(line, str) for line in value):
        notes.append(f"joined the lines of `{argument.name}`")
        return "\n".join(line.removesuffix("\n") for line in value)
    if argument.structured and isinstance(value, dict | list):
        notes.append(f"wrote `{argument.name}` as JSON")
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    raise _wrong(argument, value, "a text")


def _wrong(argument: Argument, value: Any, allowed: str) -> ToolError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:60]}…"
    return ToolError(f"`{argument.name}` is {shown}; it must be {allowed}")


def subject_of(given: Mapping[str, Any], *arguments: Argument) -> str:
    """What a call is about, of arguments that nobody has checked: the first of them that is given, on one line."""
    for each in arguments:
        value = given.get(_name_given(given, each))
        if isinstance(value, str) and value.strip():
            return " ".join(value.split())[:200]
    return ""
