"""Arguments that were kept as JSON, given back the types that JSON has not: tuples, sets, complex numbers.

The examples in a problem's own assertions, which are Python, tell what they were. Runs nothing.
"""

import ast
from collections.abc import Iterable, Sequence
from typing import Any

CONTAINERS = (list, tuple, set, frozenset)


def arguments(source: str, function: str) -> list[tuple[Any, ...]]:
    """The arguments of every call of `function` in a source that are literals."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == function:
            try:
                found.append(tuple(ast.literal_eval(each) for each in node.args))
            except (ValueError, TypeError):
                continue
    return found


def alike(examples: Sequence[Any], data: Any, above: type = list) -> Any:
    """`data`, in the types of `examples` where they agree on one; what nests deeper is like what is `above` it."""
    match data:
        case list():
            return _container(examples, data, above)
        case dict():
            values = [
                value for each in examples if isinstance(each, dict) for value in each.values()
            ]
            return {key: alike(values, value) for key, value in data.items()}
        case str() if examples and not any(isinstance(each, str) for each in examples):
            return _number(examples, data)
    return data


def _container(examples: Sequence[Any], data: list[Any], above: type) -> Any:
    inside = [each for each in examples if isinstance(each, CONTAINERS)]
    kinds = _kinds(inside) or {above}
    kind = kinds.pop() if len(kinds) == 1 else list
    # Elements of a record, such as (name, [marks]), are told by where they stand; those of a list by all of them.
    ordered = [each for each in inside if isinstance(each, list | tuple) and len(each) == len(data)]
    everything = [element for each in inside for element in each]
    mixed = len(_kinds(everything)) > 1
    elements = [
        alike([each[at] for each in ordered] if mixed and ordered else everything, value, kind)
        for at, value in enumerate(data)
    ]
    try:
        return kind(elements)
    except TypeError:  # not hashable
        return elements


def _kinds(values: Iterable[Any]) -> set[type]:
    return {type(each) for each in values if isinstance(each, CONTAINERS)}


def _number(examples: Sequence[Any], data: str) -> Any:
    """A number that was kept as text, as complex ones are."""
    if not all(isinstance(each, int | float | complex) for each in examples):
        return data
    kinds = (complex,) if any(isinstance(each, complex) for each in examples) else (float, complex)
    for kind in kinds:
        try:
            return kind(data)
        except ValueError:
            continue
    return data
