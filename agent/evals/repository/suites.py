"""The suite of each kind of tasks. Knows no task's inside."""

from collections.abc import Callable
from typing import Any

from ..running.suite import Suite
from .bench import Bench
from .body_suite import BodySuite
from .edits import EditSuite
from .lines import LineSuite
from .needle_suite import NeedleSuite
from .settings import Kind

SUITES: dict[Kind, Callable[[Bench], Suite[Any]]] = {
    "lines": LineSuite,
    "edits": EditSuite,
    "needles": NeedleSuite,
    "bodies": BodySuite,
}


def suite_of(kind: Kind, bench: Bench) -> Suite[Any]:
    """The suite of one kind of tasks."""
    return SUITES[kind](bench)
