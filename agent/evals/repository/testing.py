"""Packages' own tests, run on a changed copy in the sandbox. Knows no model.

What is tested may end its process early or write what it likes; it counts as passed only when pytest tells of as many
passed tests as for the package as it is.
"""

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

from megacontext.configs.errors import SandboxError
from megacontext.configs.loading import default_settings

from ...rules import left_out_rules
from ...sandbox.sandbox import Sandbox
from ...sandbox.secrets import Secrets

PASSED = re.compile(r"(\d+) passed")
PYTEST = (
    "-m",
    "pytest",
    "-q",
    "-x",
    "-p",
    "no:cacheprovider",
    "-o",
    "addopts=",
    "-o",
    "filterwarnings=",
)
ENVIRONMENT = (
    "PYTHONPATH=src:.",
    "PYTHONHASHSEED=0",
    "PYTHONDONTWRITEBYTECODE=1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD=1",
)
MEMORY_MB = 1_000


class Verdicts:
    """What tests said of files, kept on disk: the same file is tested once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = json.loads(path.read_text("utf-8")) if path.is_file() else {}

    def get(self, key: str) -> str | None:
        """Why a file fails, "" where it passes; None where it was not tested."""
        return self._known.get(key)

    def put(self, key: str, why: str) -> None:
        """Keep one."""
        self._known[key] = why
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self._known, indent=0), "utf-8")
        new.replace(self._path)


class PackageTests:
    """The tests of one package."""

    def __init__(
        self, checkout: Path, arguments: Sequence[str], seconds: float, verdicts: Verdicts
    ) -> None:
        """`checkout` holds all of the package and is never changed; `arguments` are those of pytest."""
        self._checkout = checkout
        self._arguments = tuple(arguments)
        self._seconds = seconds
        self._verdicts = verdicts

    def failure(self, path: str, text: str) -> str:
        """Why the tests fail with this text in the file at `path`; "" where all pass.

        Raises SandboxError where nothing keeps programs from the network and from other files, and where the tests
        do not pass with the package as it is.
        """
        key = blake2b(
            repr((self._checkout.name, self._arguments, path, text)).encode(), digest_size=16
        ).hexdigest()
        if (known := self._verdicts.get(key)) is None:
            known = self._run(path, text)[0]
            self._verdicts.put(key, known)
        return known

    @cached_property
    def _wanted(self) -> int:
        """Tests that pass with the package as it is."""
        why, passed = self._run(None, "", wanted=0)
        if why or not passed:
            raise SandboxError(
                f"the tests of {self._checkout.name} do not pass here ({why or 'there are none'}); "
                "leave them out of the settings"
            )
        return passed

    def _run(self, path: str | None, text: str, wanted: int | None = None) -> tuple[str, int]:
        """Why tests fail, and how many pass."""
        wanted = self._wanted if wanted is None else wanted
        with tempfile.TemporaryDirectory(prefix="megacontext-") as folder:
            root = Path(folder).resolve() / "package"
            shutil.copytree(self._checkout, root, ignore=shutil.ignore_patterns(".git"))
            if path is not None:
                (root / path).write_text(text, "utf-8")
            box = _sandbox(root, self._seconds)
            done = box.run(
                ["env", *ENVIRONMENT, sys.executable, *PYTEST, *self._arguments],
                seconds=self._seconds,
            )
        told = PASSED.findall(done.text)
        passed = int(told[-1]) if told else 0
        if done.ended:
            return f"ended by its limit of {done.ended}", passed
        if done.status:
            failed = re.findall(r"^E\s+(\w[\w.]*)", done.text, re.MULTILINE)
            return (failed[-1] if failed else f"status {done.status}"), passed
        return ("" if passed >= wanted else "tests are missing"), passed


def _sandbox(root: Path, seconds: float) -> Sandbox:
    settings = default_settings()
    limits = settings.sandbox.model_copy(update={"timeout_s": seconds, "memory_mb": MEMORY_MB})
    box = Sandbox(root, limits, Secrets(left_out_rules(settings.memory)))
    if not (box.protection.network and box.protection.filesystem):
        raise SandboxError(
            "what a model wrote is not run here, since nothing would keep it from the network and from your files "
            f"({box.description}); use Linux with user namespaces, or install bubblewrap"
        )
    return box
