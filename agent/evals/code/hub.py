"""The same benchmarks from the Hugging Face hub, whose rows differ from the files' in a few names. Loads lazily."""

import ast
from collections.abc import Mapping
from typing import Any

from megacontext.configs.errors import SettingsError

from .problems import Problems, from_rows
from .settings import DataSettings


def hub_problems(data: DataSettings) -> Problems:
    """The problems of a data set on the hub; tests come as code there.

    Raises SettingsError where the library is not installed, or the data set cannot be had.
    """
    try:
        from datasets import load_dataset
    except ImportError as exc:
        raise SettingsError(
            "reading from the hub needs `datasets`; run `pip install megacontext[train]`, or give files with --data"
        ) from exc
    try:
        rows = list(load_dataset(data.hub, split=data.split))
    except Exception as exc:  # whatever the network and the hub do
        raise SettingsError(
            f"{data.hub} cannot be had from the hub ({exc}); check the network, or give {data.file} with --data"
        ) from exc
    return from_rows(map(_row, rows), data.hub)


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """MBPP+ has `code` and plain words where the files have a solution and a prompt in quotes."""
    if "canonical_solution" in row:
        return dict(row)
    first = str(row["test_list"][0])
    return {
        "task_id": f"Mbpp/{row['task_id']}",
        "prompt": f'"""\n{row["prompt"]}\n{first}\n"""\n',
        "entry_point": _function(str(row["code"]), first),
        "canonical_solution": row["code"],
        "test": row["test"],
    }


def _function(code: str, test: str) -> str:
    """The function of the code that a test calls."""
    called = {getattr(node, "id", None) for node in ast.walk(ast.parse(test))}
    defined = [node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    return next((name for name in defined if name in called), defined[-1])
