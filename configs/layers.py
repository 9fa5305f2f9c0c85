"""Reading one layer of settings: a YAML file, the environment, or flags.

Every layer becomes a list of `Leaf`: dotted key, value, and the place it was read from, for
messages. Knows no key by name and no type; scalars stay text until the settings check them, so
that `gists: on` is the word and no truth value.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from .errors import SettingsError

LayerName = Literal["defaults", "user", "repository", "environment", "flags"]

VARIABLE_PREFIX = "MEGACONTEXT_"
MAX_FILE_BYTES = 65_536
"""A settings file is a page or two; more is a mistake, or a repository that means harm."""

_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}
_NULLS = {"", "~", "null"}


@dataclass(frozen=True)
class Place:
    """Where a value was read: its layer, and words for a person (file and line, variable, flag)."""

    layer: LayerName
    where: str


@dataclass(frozen=True)
class Leaf:
    """One key with its value: None, text, a list, or whatever a flag gave."""

    key: str
    value: Any
    place: Place


class _Loader(yaml.BaseLoader):
    """Builds text, lists and mappings only; no aliases, whose expansion can be made endless."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not read", problem_mark=mark)
        return super().compose_node(parent, index)


def read_file(path: Path, layer: LayerName) -> list[Leaf]:
    """Leaves of a YAML file; none if there is no such file. Raises SettingsError."""
    try:
        if not path.exists():
            return []
        if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
            raise SettingsError(
                f"{path} is no settings file: at most {MAX_FILE_BYTES} bytes of YAML"
            )
        data = path.read_bytes()
    except OSError as exc:
        raise SettingsError(f"cannot read {path}: {exc.strerror}") from exc
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise SettingsError(f"{path}, line {line}: not UTF-8") from exc
    return list(read_yaml(text, layer, str(path)))


def read_yaml(text: str, layer: LayerName, where: str, key: str = "") -> Iterator[Leaf]:
    """Leaves, with lines, of a YAML text that stands for `key` (all settings). Or SettingsError."""
    try:
        node = yaml.compose(text, _Loader)
        if node is not None and not key and not isinstance(node, yaml.MappingNode):
            raise _at(node, "expected `key: value` lines")
        if node is not None:
            yield from _leaves(node, key, Place(layer, where))
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise SettingsError(f"{where}{line}: {exc.problem or exc.context}") from exc
    except yaml.reader.ReaderError as exc:
        line_number = text.count("\n", 0, exc.position) + 1
        raise SettingsError(f"{where}, line {line_number}: {exc.reason}") from exc
    except RecursionError as exc:
        raise SettingsError(f"{where}: nested too deeply") from exc
    except ValueError as exc:
        # The scanner turns escapes such as "\\U00110000" into characters without a check.
        raise SettingsError(f"{where}: an impossible character is spelled out ({exc})") from exc


def read_environment(environ: Mapping[str, str]) -> Iterator[Leaf]:
    """Leaves of every `MEGACONTEXT_*` variable that is not empty. Raises SettingsError."""
    for name, text in sorted(environ.items()):
        if name.startswith(VARIABLE_PREFIX) and text.strip():
            key = name.removeprefix(VARIABLE_PREFIX).lower().replace("__", ".")
            yield from _given(key, text, Place("environment", f"the variable {name}"))


def read_flags(flags: Mapping[str, object]) -> Iterator[Leaf]:
    """Leaves of dotted keys given by a caller; None means not given. Raises SettingsError."""
    for key, value in flags.items():
        if value is not None:
            yield from _given(key, value, Place("flags", "the flags"))


def merged(layers: Iterable[Iterable[Leaf]]) -> dict[str, Leaf]:
    """The leaf that wins for each key. A section set to null drops the keys under it."""
    result: dict[str, Leaf] = {}
    for leaf in (leaf for layer in layers for leaf in layer):
        related = [key for key in result if _is_under(key, leaf.key) or _is_under(leaf.key, key)]
        for key in related:
            del result[key]
        result[leaf.key] = leaf
    return result


def variable_of(key: str) -> str:
    """`focus.budget` → `MEGACONTEXT_FOCUS__BUDGET`."""
    return VARIABLE_PREFIX + key.upper().replace(".", "__")


def _is_under(key: str, section: str) -> bool:
    return key.startswith(section + ".")


def _given(key: str, value: object, place: Place) -> Iterator[Leaf]:
    """Leaves of a value from outside any file: text, a YAML list or mapping, or an object."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _given(f"{key}.{name}", inner, place)
    elif isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        for leaf in read_yaml(value, place.layer, place.where, key):
            yield Leaf(leaf.key, leaf.value, place)
    else:
        yield Leaf(key, None if value == "null" else value, place)


def _leaves(node: yaml.Node, key: str, place: Place) -> Iterator[Leaf]:
    """The node as one leaf, or the leaves of the mapping it is. `place` has no line yet."""
    if not isinstance(node, yaml.MappingNode) or not node.value:
        line = node.start_mark.line + 1
        yield Leaf(key, _value(node), Place(place.layer, f"{place.where}, line {line}"))
        return
    seen = set()
    for name, inner in node.value:
        if not isinstance(name, yaml.ScalarNode) or not name.value:
            raise _at(name, "a key must be a word")
        inner_key = f"{key}.{name.value}" if key else name.value
        if inner_key in seen:
            raise _at(name, f"the key {inner_key} stands here for the second time")
        seen.add(inner_key)
        yield from _leaves(inner, inner_key, place)


def _value(node: yaml.Node) -> Any:
    if node.tag not in _PLAIN_TAGS:
        raise _at(node, f"tags ({node.tag}) are not read")
    if isinstance(node, yaml.ScalarNode):
        return None if node.style is None and node.value in _NULLS else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    if node.value:
        raise _at(node, "a list holds no mapping")
    return {}


def _at(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
