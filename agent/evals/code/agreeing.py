"""When a program's value is as good as the canonical one. Knows values only; what was sent is data, never code."""

import ast
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from .sandbox.inside.wire import Opaque

How = Literal["equal", "truth", "set", "root"]
ROUNDING, RELATIVE = 1e-6, 1e-7
"""Of floating-point numbers of a problem that names no tolerance."""
ROOT = "find_zero"
"""Any root of the polynomial is right, and which one is found is a matter of the method."""


@dataclass(frozen=True)
class Agreement:
    """How values are compared."""

    how: How = "equal"
    tolerance: float = 0.0
    """The largest difference of floating-point numbers; 0 stands for rounding."""

    def holds(self, call: Sequence[Any], expected: Any, found: Any) -> bool:
        """Whether `found` is right where the canonical solution gives `expected`."""
        try:
            return _WAYS[self.how](self, call, expected, found)
        except (TypeError, ValueError, OverflowError, RecursionError):
            return False


EQUAL = Agreement()


def agreement(prompt: str, entry: str, tolerance: float) -> Agreement:
    """What the assertion in a problem's prompt asks for: equality, truth, or equality as sets."""
    if entry == ROOT:
        return Agreement("root", tolerance)
    for line in prompt.splitlines():
        if line.startswith("assert "):
            return Agreement(_how(line, entry), tolerance)
    return Agreement("equal", tolerance)


def _how(assertion: str, entry: str) -> How:
    try:
        (statement,) = ast.parse(assertion).body
    except (SyntaxError, ValueError):
        return "equal"
    asked = statement.test if isinstance(statement, ast.Assert) else None
    if isinstance(asked, ast.UnaryOp) and isinstance(asked.op, ast.Not):
        asked = asked.operand
    if _calls(asked, entry):
        return "truth"
    left = asked.left if isinstance(asked, ast.Compare) else None
    if isinstance(left, ast.Call) and _calls(left, "set") and _calls(left.args[0], entry):
        return "set"
    return "equal"


def _calls(node: ast.AST | None, name: str) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", None) == name


def _equal(way: Agreement, _: Sequence[Any], expected: Any, found: Any) -> bool:
    return close(expected, found, way.tolerance or ROUNDING)


def _truth(_: Agreement, __: Sequence[Any], expected: Any, found: Any) -> bool:
    return _true(expected) == _true(found)


def _set(_: Agreement, __: Sequence[Any], expected: Any, found: Any) -> bool:
    return expected == found or set(expected) == set(found)


def _root(way: Agreement, call: Sequence[Any], _: Any, found: Any) -> bool:
    value = sum(factor * found**power for power, factor in enumerate(call[0]))
    return bool(abs(value) <= way.tolerance)


_WAYS: dict[How, Callable[[Agreement, Sequence[Any], Any, Any], bool]] = {
    "equal": _equal,
    "truth": _truth,
    "set": _set,
    "root": _root,
}


def close(expected: Any, found: Any, tolerance: float) -> bool:
    """Equality as Python has it, with a tolerance for floating-point numbers wherever they stand."""
    if isinstance(expected, float) and isinstance(found, int | float):
        both_nan = math.isnan(expected) and math.isnan(found)
        return both_nan or math.isclose(expected, found, rel_tol=RELATIVE, abs_tol=tolerance)
    if isinstance(expected, complex) and isinstance(found, int | float | complex):
        return expected == found or abs(expected - found) <= tolerance
    if isinstance(expected, list | tuple) and type(expected) is type(found):
        return len(expected) == len(found) and all(
            close(one, other, tolerance) for one, other in zip(expected, found, strict=True)
        )
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(
            close(value, found[key], tolerance) for key, value in expected.items()
        )
    return bool(expected == found)


def _true(value: Any) -> bool:
    return value.truth if isinstance(value, Opaque) else bool(value)
