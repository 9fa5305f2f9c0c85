"""What is asked often or early loads no model library: seconds of waiting for nothing."""

import subprocess
import sys

import pytest

from .conftest import PATIENCE_S

HEAVY = {"torch", "transformers", "datasets", "pyarrow", "peft", "accelerate"}


def loaded_by(*arguments: str, code: str = "") -> set[str]:
    """Top-level modules in a fresh interpreter after `megacontext ARGUMENTS`, or after `code`."""
    run = code or (
        f"sys.argv = ['megacontext', *{arguments!r}]\n"
        "from megacontext.agent.main import app\n"
        "try: app()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
    )
    script = (
        f"import sys\n{run}\nprint('\\nLOADED', *{{name.split('.')[0] for name in sys.modules}})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("LOADED")[2].split())


def test_help_loads_no_model_library():
    assert not loaded_by("--help") & (HEAVY | {"tree_sitter", "numpy", "httpx", "textual", "pygls"})


@pytest.mark.parametrize(
    "package", ["configs", "models", "memory", "agent", "models.base", "agent.engine"]
)
def test_packages_import_without_model_libraries(package):
    assert not loaded_by(code=f"import megacontext.{package}") & HEAVY


def test_indexing_focusing_and_status_load_no_model_library(repository, model_folder):
    place, model = ("--repo", str(repository)), ("--model", str(model_folder))
    assert not loaded_by("index", str(repository), "--no-gists", *model) & HEAVY
    assert not loaded_by("focus", "where is the greeting", *place, *model) & HEAVY
    assert not loaded_by("status", *place) & HEAVY
    assert not loaded_by("verify", *place, *model) & HEAVY
    assert not loaded_by("ask", "where is the greeting", *place, *model, "--help") & HEAVY
