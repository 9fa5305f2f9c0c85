"""Where the texts of a pack come from, as people write it: pypi:NAME==VERSION, installed:NAME, git:WHERE@REV, stdlib,
or a folder. Each gives files with the time they were made and how well it is known that they are what they say.

Knows no pack's inside.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from megacontext.configs.errors import PackError
from megacontext.memory.left_out import LeftOutRules
from megacontext.memory.packs.building import Identity, SourceFile

ATTESTED = 1.0
"""The file has the very digest that the package's own record gives."""
PINNED = 0.9
"""It lies in an archive that a package index gave out under this version."""
REVISION = 0.8
"""It lies in a commit that git has checked by its digest."""
LOCAL = 0.5
"""It lay in a folder of this machine."""
ALTERED = 0.2
"""It is not what the package's own record says."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What goes into a pack."""

    identity: Identity
    files: list[SourceFile]
    notes: tuple[str, ...] = ()
    """For the person: what could not be had."""


@dataclass(frozen=True, slots=True)
class Named:
    """What the person says themselves; "" leaves it to the origin."""

    name: str = ""
    version: str = ""
    licence: str = ""

    def over(self, identity: Identity) -> Identity:
        """An identity with what was said in its place."""
        return Identity(
            self.name or identity.name,
            self.version or identity.version,
            identity.origin,
            self.licence or identity.licence,
        )


def gather(origin: str, rules: LeftOutRules, *, source_archive: bool = True) -> Gathered:
    """The files of an origin; raises PackError for one that cannot be had.

    `source_archive` also takes the documentation from a package's source archive, where it has one.
    """
    from .from_folder import from_folder
    from .from_git import from_git
    from .from_package import from_installed, from_pypi, from_stdlib

    kind, colon, rest = origin.partition(":")
    kinds: dict[str, Callable[[], Gathered]] = {
        "pypi": lambda: from_pypi(rest, docs=source_archive),
        "installed": lambda: from_installed(rest),
        "git": lambda: from_git(rest),
    }
    if colon and kind in kinds:
        return kinds[kind]()
    if origin == "stdlib":
        return from_stdlib()
    folder = Path(origin).expanduser()
    if not folder.is_dir():
        raise PackError(
            f"{origin} is no folder; give one, or pypi:NAME==VERSION, installed:NAME, git:WHERE@REV or stdlib"
        )
    return from_folder(folder, rules)
