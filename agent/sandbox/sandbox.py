"""Runs the programs of tools and checks in one repository, as well shut in as settings and machine allow."""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from megacontext.configs.errors import SandboxError
from megacontext.configs.settings import SandboxSettings
from megacontext.models.base import Cancel

from .confinement import NOT_TO_WRITE, Kind, hidden_places
from .launch import Wish, launch
from .process import Ended, Limits, Outcome
from .protection import Protection, protection
from .secrets import Secrets
from .shown import as_text

MEGABYTE = 1_000_000
NETWORK_SIGNS = (
    "Network is unreachable",
    "Temporary failure in name resolution",
    "Could not resolve host",
    "getaddrinfo",
    "ENETUNREACH",
    "EAI_AGAIN",
)


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended."""

    status: int
    """Exit status; 128 + signal when it was killed."""
    text: str
    """What it wrote, as plain text without secrets. Not bounded but by the sandbox's own limits."""
    ended: Ended
    """Which limit ended it; "" when it ended by itself."""
    seconds: float
    note: str
    """What to know about the end of it, for people and models; "" when there is nothing."""

    @property
    def ok(self) -> bool:
        """Whether it ended by itself and well."""
        return not self.ended and self.status == 0


class Launcher(Protocol):
    """Runs one program to its end, as `launch` does."""

    def __call__(
        self, kind: Kind, wish: Wish, limits: Limits, cancel: Cancel | None = None
    ) -> Outcome:
        """Raises OSError or SandboxError when it cannot be started."""
        ...


class Sandbox:
    """Use `run`. Threads may share it."""

    def __init__(
        self,
        root: Path,
        settings: SandboxSettings,
        secrets: Secrets,
        secret_files: Callable[[], Iterable[str]] = tuple,
        launcher: Launcher = launch,
    ) -> None:
        """`secret_files` tells which files of the repository programs must not read, when one is run."""
        self.root = root
        self.settings = settings
        self.secrets = secrets
        self._secret_files = secret_files
        self._launch = launcher

    def launched_by(self, launcher: Launcher) -> "Sandbox":
        """The same sandbox, whose programs somebody else starts under the protection they are told."""
        return Sandbox(self.root, self.settings, self.secrets, self._secret_files, launcher)

    @cached_property
    def protection(self) -> Protection:
        """What programs are kept from here; raises SandboxError when the settings ask for what does not work."""
        return protection(self.settings.kind)

    @property
    def description(self) -> str:
        """One line that says which protection is active."""
        told = self.protection.description
        if self.protection.network and self.settings.network:
            return told.replace("no network", "network allowed in settings")
        return told

    def run(
        self,
        command: str | Sequence[str],
        *,
        writable: bool = True,
        seconds: float | None = None,
        cancel: Cancel | None = None,
    ) -> Finished:
        """Run a line of the shell, or a program with its arguments, in the repository's root.

        Without `writable` the repository cannot be changed either, where the protection can see to that, and secret
        files are there to be compared by git. Raises SandboxError when nothing can be started.
        """
        line = [*_shell(), command] if isinstance(command, str) else list(command)
        if not line[-1] or any("\0" in part for part in line):
            raise SandboxError("a command line is not empty and holds no zero byte")
        paths = list(self._secret_files())
        wish = self._wish(line, paths, writable=writable)
        settings = self.settings
        limits = Limits(
            min(seconds or settings.timeout_s, settings.timeout_s),
            settings.output_mb * MEGABYTE,
            settings.memory_mb * MEGABYTE,
            settings.processes,
        )
        try:
            outcome = self._launch(self.protection.kind, wish, limits, cancel)
        except OSError as exc:
            raise SandboxError(f"no program can be started: {exc}") from exc
        if outcome.failure:
            raise SandboxError(
                f"the sandbox ({self.protection.kind}) could not be set up: {outcome.failure}"
            )
        return self._finished(outcome, limits, paths)

    def _wish(self, line: Sequence[str], secret_files: Sequence[str], *, writable: bool) -> Wish:
        settings, root = self.settings, self.root
        private = hidden_places(Path.home(), root, settings.hidden, network=settings.network)
        own = [str(root / path) for path in secret_files] if writable else []
        folders = [root, *(each for each in settings.writable if each.is_dir())]
        return Wish(
            command=line,
            root=root,
            network=settings.network,
            writable=tuple(folder.resolve() for folder in folders) if writable else (),
            hidden=(*private, *own),
            read_only=tuple(str(root / path) for path in NOT_TO_WRITE),
            variables=settings.variables,
            file_bytes=settings.file_mb * MEGABYTE,
        )

    def _finished(self, outcome: Outcome, limits: Limits, paths: Sequence[str]) -> Finished:
        values = self.secrets.values_in(self.root, paths)
        head = self.secrets.removed(outcome.head, values)
        tail = self.secrets.removed(outcome.tail, values)
        text = as_text(
            head,
            tail,
            outcome.total - len(outcome.head) - len(outcome.tail) + len(head) + len(tail),
        )
        note = _note(outcome, limits, self.settings)
        if not note and outcome.status and self._lacks_network(text):
            note = "programs have no network here (sandbox.network); work without it, or ask the person"
        return Finished(outcome.status, text, outcome.ended, outcome.seconds, note)

    def _lacks_network(self, text: str) -> bool:
        cut = self.protection.network and not self.settings.network
        return cut and any(sign in text for sign in NETWORK_SIGNS)


def _note(outcome: Outcome, limits: Limits, settings: SandboxSettings) -> str:
    match outcome.ended:
        case "time":
            whose = "of this call" if limits.seconds < settings.timeout_s else "sandbox.timeout_s"
            return f"ended after {limits.seconds:g} s, its limit ({whose})"
        case "output":
            return f"ended after {limits.output_bytes // MEGABYTE} MB of output, its limit (sandbox.output_mb)"
        case "memory":
            return f"ended at {limits.memory_bytes // MEGABYTE} MB of memory, its limit (sandbox.memory_mb)"
        case "processes":
            return f"ended at {limits.processes} processes, its limit (sandbox.processes)"
        case "cancelled":
            return "cancelled"
    return ""


def _shell() -> list[str]:
    bash = shutil.which("bash", path=os.defpath) or shutil.which("bash")
    return [bash, "--noprofile", "--norc", "-c"] if bash else ["/bin/sh", "-c"]
