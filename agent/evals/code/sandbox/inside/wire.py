"""Values as lines of JSON, both ways, without ever running anything: what a hostile program sends is only data.

Lists and what JSON has are themselves; everything else is an object of one key, such as `{"tuple": [1, 2]}`. It is
imported whenever a program starts, and therefore imports little.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

LARGEST = 1 << 16
"""Bytes of a value that is sent itself; of a larger one its digest is, which tells whether two are equal."""
LONG = 1 << 53
"""Integers from here on go as hexadecimal text: Python refuses to print long ones in decimal."""


class Opaque(NamedTuple):
    """A value that cannot be sent: the name of its type, and whether it counts as true."""

    kind: str
    truth: bool


class Large(NamedTuple):
    """A value that is too large to be sent: equal values have equal digests."""

    digest: str


def line(value: Any) -> bytes:
    """One message."""
    return json.dumps(value).encode("ascii") + b"\n"


def answer(value: Any) -> bytes:
    """A message with a value, or with its digest."""
    data = line({"value": packed(value)})
    if len(data) <= LARGEST:
        return data
    from hashlib import blake2b

    return line({"value": {"large": blake2b(data, digest_size=16).hexdigest()}})


def packed(value: Any) -> Any:
    """A value as JSON. Subclasses go as what they are derived from; RecursionError where it holds itself."""
    match value:
        case None | bool():
            return value
        case str():
            return str.__str__(value)
        case int():
            number = int(value)
            return number if -LONG < number < LONG else {"int": hex(number)}
        case float():
            return float(value)
        case complex():
            return {"complex": [value.real, value.imag]}
        case bytes() | bytearray():
            return {"bytes": value.hex()}
        case Opaque():
            return {"opaque": [value.kind, value.truth]}
        case Large():
            return {"large": value.digest}
    return _packed_container(value)


def _packed_container(value: Any) -> Any:
    match value:
        case list():
            return [packed(each) for each in value]
        case tuple():
            return {"tuple": [packed(each) for each in value]}
        case dict():
            return {"dict": [[packed(key), packed(each)] for key, each in value.items()]}
        # Equal sets must be equal lines, for their digests.
        case set():
            return {"set": sorted(map(packed, value), key=json.dumps)}
        case frozenset():
            return {"frozenset": sorted(map(packed, value), key=json.dumps)}
    return {"opaque": [type(value).__name__, bool(value)]}


_READERS: dict[str, Callable[[Any], Any]] = {
    "int": lambda data: int(data, 16),
    "complex": lambda data: complex(*data),
    "bytes": bytes.fromhex,
    "dict": lambda data: {unpacked(key): unpacked(each) for key, each in data},
    "tuple": lambda data: tuple(map(unpacked, data)),
    "set": lambda data: set(map(unpacked, data)),
    "frozenset": lambda data: frozenset(map(unpacked, data)),
    "large": lambda data: Large(str(data)),
    "opaque": lambda data: Opaque(str(data[0]), bool(data[1])),
}


def unpacked(data: Any) -> Any:
    """The value. Raises ValueError, TypeError or RecursionError for what `packed` did not make."""
    if isinstance(data, list):
        return [unpacked(each) for each in data]
    if not isinstance(data, dict):
        return data
    if len(data) != 1:
        raise ValueError("an object has one key")
    ((kind, inner),) = data.items()
    if kind not in _READERS:
        raise ValueError(f"there is no kind {kind!r}")
    return _READERS[kind](inner)
