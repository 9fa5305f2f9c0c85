"""Putting the layers together into `Settings`, and complaining well.

The layers, the last wins: `defaults.yaml`, the user's file, the repository's file, the
environment, flags. Every problem of one load is reported in one `SettingsError`.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
from pydantic import BaseModel, ValidationError

from .errors import SettingsError
from .keys import Key, close_to, key_table
from .layers import (
    LayerName,
    Leaf,
    Place,
    merged,
    read_environment,
    read_file,
    read_flags,
    variable_of,
)
from .settings import Settings

DEFAULTS_FILE = Path(__file__).with_name("defaults.yaml")
REPOSITORY_FILE = Path(".megacontext", "config.yaml")
LONGEST_SHOWN = 80


@dataclass(frozen=True)
class Explained:
    """One key as it stands: its value, the layer that set it, and where exactly."""

    key: str
    value: Any
    layer: LayerName
    where: str


def user_file() -> Path:
    """Where the user's own settings are read from, whether the file exists or not."""
    return platformdirs.user_config_path("megacontext") / "config.yaml"


def load_settings(
    repository: Path | None,
    overrides: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """Settings for work in `repository` (None: in no repository).

    `overrides` are flags by dotted key; text is read as in a variable, None counts as not given.
    Raises SettingsError that names each wrong key and value, where it was read, what is allowed.
    """
    sources: list[Callable[[], Iterable[Leaf]]] = [
        lambda: read_file(DEFAULTS_FILE, "defaults"),
        lambda: read_file(user_file(), "user"),
        lambda: read_environment(environ),
        lambda: read_flags(overrides or {}),
    ]
    if repository is not None:
        in_repository = repository / REPOSITORY_FILE
        sources.insert(2, lambda: read_file(in_repository, "repository"))
    return _settings(sources)


def default_settings() -> Settings:
    """The settings as shipped, whatever this machine's files and environment say."""
    return _settings([lambda: read_file(DEFAULTS_FILE, "defaults")])


def explain(settings: Settings) -> tuple[Explained, ...]:
    """Every key that has a value, in the order of `defaults.yaml`, with its origin."""
    return tuple(_explained(settings, "", settings._places))


def _settings(sources: Iterable[Callable[[], Iterable[Leaf]]]) -> Settings:
    problems: list[str] = []
    layers: list[list[Leaf]] = []
    for read in sources:
        try:
            leaves = list(read())
        except SettingsError as exc:
            problems.append(str(exc))
            continue
        kept = [leaf for leaf in leaves if not (leaf.value in (None, {}) and _is_section(leaf.key))]
        refused = {leaf.key: refusal for leaf in kept if (refusal := _refusal(leaf))}
        problems += refused.values()
        layers.append([leaf for leaf in kept if leaf.key not in refused])
    winners = merged(layers)
    try:
        settings = Settings.model_validate(_nested(winners.values()))
    except ValidationError as exc:
        problems += _complaints(exc, winners)
    if problems:
        raise SettingsError(_together(problems))
    settings._places.update({key: leaf.place for key, leaf in winners.items()})
    return settings


def _is_section(key: str) -> bool:
    """Whether the key is a section that null leaves as it is (all of its lines commented out)."""
    known = key_table().get(key)
    return known is not None and known.section is not None and not known.nullable


def _refusal(leaf: Leaf) -> str | None:
    """Why the leaf cannot be taken whatever its value, None if it can."""
    key = key_table().get(leaf.key)
    if key is None:
        return _unknown(leaf)
    if key.section is not None and not (key.nullable and leaf.value is None):
        return f"{leaf.key} = {_shown(leaf.value)} ({leaf.place.where}): must be {key.allowed}"
    if leaf.place.layer == "repository" and not key.repository_may_set:
        return (
            f"{leaf.key} ({leaf.place.where}): a repository may not set this, since its file "
            f"comes from whoever wrote it; set it in {user_file()} or in {variable_of(leaf.key)}"
        )
    return None


def _unknown(leaf: Leaf) -> str:
    # Without the value: a variable such as MEGACONTEXT_API_KEY may hold a secret.
    name = str(leaf.key)
    near = close_to(name)
    if leaf.place.layer == "environment":
        name, near = variable_of(name), [variable_of(key) for key in near]
    problem = f"{name} ({leaf.place.where}): there is no such key"
    if near:
        return f"{problem}; did you mean {' or '.join(near)}?"
    section = leaf.key.rpartition(".")[0]
    while section and section not in key_table():
        section = section.rpartition(".")[0]
    if section:
        return f"{problem}; {section} must be {key_table()[section].allowed}"
    return f"{problem}; the sections are {', '.join(Settings.model_fields)}"


def _nested(leaves: Iterable[Leaf]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for leaf in leaves:
        *sections, last = leaf.key.split(".")
        inner = tree
        for section in sections:
            inner = inner.setdefault(section, {})
        inner[last] = leaf.value
    return tree


def _complaints(error: ValidationError, winners: Mapping[str, Leaf]) -> Iterator[str]:
    """One sentence for each key with a wrong or missing value."""
    told = set()
    for detail in error.errors(include_url=False, include_context=False):
        key = _key_at(detail["loc"])
        if key.name in told:
            continue
        told.add(key.name)
        if detail["type"] == "missing":
            section = key.name.rpartition(".")[0]
            origin = next(leaf for name, leaf in winners.items() if name.startswith(section))
            yield f"{key.name} ({origin.place.where}): is missing; it must be {key.allowed}"
        else:
            leaf = winners[key.name]
            value = "(not shown)" if key.hidden else _shown(leaf.value)
            yield f"{key.name} = {value} ({leaf.place.where}): must be {key.allowed}"


def _key_at(location: tuple[int | str, ...]) -> Key:
    """The longest known key that the location of a complaint begins with."""
    names = [".".join(map(str, location[:end])) for end in range(len(location), 0, -1)]
    return next(key_table()[name] for name in names if name in key_table())


def _shown(value: object) -> str:
    text = "null" if value is None else str(value) if isinstance(value, list) else repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _together(problems: list[str]) -> str:
    if len(problems) == 1:
        return problems[0]
    return "\n  ".join([f"{len(problems)} problems in the settings:", *problems])


def _explained(section: BaseModel, prefix: str, places: Mapping[str, Place]) -> Iterator[Explained]:
    for name in type(section).model_fields:
        key, value = prefix + name, getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _explained(value, f"{key}.", places)
        else:
            # A key of `model.remote` that was not given has its default from the settings' type.
            place = places.get(key, Place("defaults", "built in"))
            yield Explained(key, value, place.layer, place.where)
