"""Which of two versions is the newer one. Knows no pack's inside."""

from collections.abc import Iterable

from packaging.version import InvalidVersion, Version

from megacontext.configs.errors import PackRefusedError
from megacontext.memory.packs.mounts import Mount


def is_older(version: str, than: str) -> bool:
    """Whether one version comes before another; versions that follow no order are never older."""
    try:
        return Version(version) < Version(than)
    except InvalidVersion:
        return False


def refuse_older(added: Mount, mounted: Iterable[Mount]) -> None:
    """Raise PackRefusedError when a newer version of the same pack is mounted."""
    for each in mounted:
        if each.name == added.name and is_older(added.version, each.version):
            raise PackRefusedError(
                f"{added.label} is older than {each.label}, which is mounted here; "
                "if the project has gone back to it, add it with --older"
            )
