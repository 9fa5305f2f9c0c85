"""How a program is shut in: by bubblewrap, by namespaces of its own, or not at all. Builds command lines, runs none."""

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["bubblewrap", "namespaces", "network", "none"]
GUARD = Path(__file__).with_name("guard.py")
TEMPORARY = "/tmp"  # noqa: S108  what programs expect; a private folder lies over it
SOCKETS = ("/run", "/var/run")
"""Where services listen: a program that reaches Docker's socket reaches everything."""
WITH_NETWORK = (
    "/run/docker.sock",
    "/run/podman",
    "/run/containerd",
    "/run/dbus",
    "/run/user",
    "/run/snapd.socket",
)
"""Hidden of these when names must be resolved, which needs /run."""
# ruff: noqa: SIM905 - lists of quoted names are no easier to read
PRIVATE = (
    ".ssh .gnupg .aws .azure .config/gcloud .config/gh .config/hub .config/op .config/megacontext .kube .docker .netrc "
    ".pgpass .npmrc .pypirc .git-credentials .config/git/credentials .password-store .local/share/keyrings .mozilla "
    ".config/google-chrome .config/chromium .bash_history .zsh_history .python_history .psql_history "
    ".cargo/credentials .cargo/credentials.toml .gem/credentials .m2/settings.xml .gradle/gradle.properties "
    ".terraform.d .vault-token .cache/huggingface/token .huggingface .config/rclone .local/share/megacontext "
    "Library/Keychains"
).split()
"""Below the home folder: where keys, passwords and tokens usually lie."""
PRIVATE_ELSEWHERE = ("/etc/shadow", "/etc/gshadow", "/etc/ssl/private")
KERNEL_SWITCHES = ("/proc/sys", "/proc/sysrq-trigger", "/proc/fs")
NOT_TO_WRITE = (".megacontext", ".git/hooks", ".git/config", ".git/info")
"""Inside a repository: what would make MegaContext or git run something else later."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a program may reach."""

    root: str
    """Its folder."""
    scratch: str
    """Its /tmp."""
    sealed: str
    """An empty file that nobody may read: what it finds in the place of a hidden one."""
    network: bool
    writable: tuple[str, ...]
    """Folders, the root perhaps among them."""
    hidden: tuple[str, ...]
    """Files and folders that it must not see."""
    read_only: tuple[str, ...]
    """Inside of what is writable."""

    @property
    def hidden_folders(self) -> tuple[str, ...]:
        """Those of them that are folders, none inside another."""
        folders = sorted(path for path in self.hidden if Path(path).is_dir())
        return tuple(path for path in folders if not _below(path, folders))

    @property
    def hidden_files(self) -> tuple[str, ...]:
        """Those that are something else, none inside a hidden folder."""
        files = (path for path in self.hidden if Path(path).exists() and not Path(path).is_dir())
        return tuple(path for path in files if not _below(path, self.hidden_folders))

    @property
    def kept(self) -> tuple[str, ...]:
        """What must stay to be seen although a folder above it is hidden, the outer before the inner."""
        return tuple(sorted({sys.prefix, sys.base_prefix, str(GUARD.parent), self.root}))


def _below(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder}/") for folder in folders)


@dataclass(frozen=True, slots=True)
class Order:
    """What the guard is asked for."""

    namespaces: bool
    network: bool
    mounts: dict[str, Any] | None
    reaps: bool
    user: int
    group: int
    folder: str
    limits: dict[str, int]
    """By the names of Python's `resource` module."""
    command: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For the guard."""
        return asdict(self)


def order(
    kind: Kind, confinement: Confinement, limits: dict[str, int], command: Sequence[str]
) -> Order:
    """What the guard has to do under a kind of protection."""
    mounts = None
    if kind == "namespaces":
        mounts = {
            "writable": confinement.writable,
            "scratch": confinement.scratch,
            "sealed": confinement.sealed,
            "kept": confinement.kept,
            "hidden_folders": confinement.hidden_folders,
            "hidden_files": confinement.hidden_files,
            "read_only": confinement.read_only,
        }
    return Order(
        namespaces=kind in {"namespaces", "network"},
        network=confinement.network,
        mounts=mounts,
        reaps=kind == "none",
        user=os.getuid(),
        group=os.getgid(),
        folder=confinement.root,
        limits=limits,
        command=tuple(command),
    )


def guarded(kind: Kind, confinement: Confinement, order_fd: int, status_fd: int) -> list[str]:
    """The command line that starts the guard, inside of bubblewrap where that is the kind."""
    guard = [sys.executable, "-I", "-S", str(GUARD), str(order_fd), str(status_fd)]
    return [*_bubblewrap(confinement), *guard] if kind == "bubblewrap" else guard


def _bubblewrap(confinement: Confinement) -> list[str]:
    line = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    if confinement.network:
        line.append("--share-net")
    line += ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    # Somebody who is root outside as well could write these: bubblewrap 0.8 leaves them to the owner.
    for switch in KERNEL_SWITCHES:
        line += ["--ro-bind-try", switch, switch]
    line += ["--bind", confinement.scratch, TEMPORARY]
    for path in confinement.hidden_folders:
        line += ["--tmpfs", path]
    for path in confinement.kept:
        if _below(path, (*confinement.hidden_folders, TEMPORARY)):
            line += ["--ro-bind", path, path]
    for path in confinement.writable:
        line += ["--bind", path, path]
    for path in confinement.hidden_folders:
        line += ["--tmpfs", path] if _below(path, confinement.writable) else []
        line += ["--remount-ro", path]
    for path in confinement.hidden_files:
        line += ["--ro-bind", confinement.sealed, path]
    for path in confinement.read_only:
        if Path(path).exists():
            line += ["--ro-bind", path, path]
    return [*line, "--chdir", confinement.root, "--"]


def hidden_places(home: Path, root: Path, further: Sequence[Path], *, network: bool) -> list[str]:
    """What no program sees: private files of the home folder, services, and what the settings add."""
    services = WITH_NETWORK if network else SOCKETS
    places = [
        *(home / name for name in PRIVATE),
        *map(Path, (*PRIVATE_ELSEWHERE, *services)),
        *further,
    ]
    real = dict.fromkeys(os.path.realpath(place) for place in places if place.exists())
    # What holds the repository itself cannot be hidden from a program that works in it.
    return [place for place in real if not root.is_relative_to(place)]
