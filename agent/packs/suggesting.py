"""Which packs fit a project: its dependencies held against what is mounted and what lies on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from packaging.utils import canonicalize_name

from megacontext.memory.packs.mounts import Mount
from megacontext.memory.packs.store import StoredPack

from .dependencies import Dependency

State = Literal["mounted", "other version", "here", "to build", "no version", "no way"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One dependency and what there is of it."""

    dependency: Dependency
    state: State
    """mounted; another version is mounted; it lies on this machine; it can be built; no file says which version; no
    way to build one yet."""
    mounted: Mount | None
    stored: StoredPack | None
    """The pack of this very version on this machine; of any, where no file says which."""

    @property
    def advice(self) -> str:
        """What to do, as a command or in words; "" when there is nothing to do."""
        wanted = self.dependency
        match self.state:
            case "mounted":
                return ""
            case "here":
                assert self.stored is not None
                return f"megacontext pack add {self.stored.manifest.label}"
            case "other version":
                return "megacontext pack update"
            case "to build":
                return f"megacontext pack build {wanted.origin}"
            case "no version":
                return "no file says which version; pin it, or name one: megacontext pack build pypi:NAME==VERSION"
        return "packs are not built from this registry yet; build one of its folder or its git revision"


def suggestions(
    wanted: Sequence[Dependency], mounts: Sequence[Mount], stored: Sequence[StoredPack]
) -> list[Suggestion]:
    """What there is of each dependency, those that are mounted first."""
    found = [_suggestion(each, mounts, stored) for each in wanted]
    order = ("other version", "mounted", "here", "to build", "no version", "no way")
    return sorted(found, key=lambda each: (order.index(each.state), each.dependency.name))


def _suggestion(
    wanted: Dependency, mounts: Sequence[Mount], stored: Sequence[StoredPack]
) -> Suggestion:
    mounted = next((each for each in mounts if canonicalize_name(each.name) == wanted.name), None)
    here = next(
        (
            each
            for each in stored
            if canonicalize_name(each.manifest.name) == wanted.name
            and (not wanted.version or same_version(each.manifest.version, wanted.version))
        ),
        None,
    )
    state: State
    if mounted is not None:
        fits = not wanted.version or same_version(mounted.version, wanted.version)
        state = "mounted" if fits else "other version"
    elif here is not None:
        state = "here"
    elif not wanted.version:
        state = "no version"
    else:
        state = "to build" if wanted.origin else "no way"
    return Suggestion(wanted, state, mounted, here)


def same_version(one: str, other: str) -> bool:
    """Whether two versions are of the same release: a local label such as "+cpu" does not count."""
    return one.partition("+")[0] == other.partition("+")[0]
