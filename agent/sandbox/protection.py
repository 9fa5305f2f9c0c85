"""Which protection this machine can give programs: each kind is tried once, by what it is to keep programs from."""

import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from megacontext.configs.errors import SandboxError

from .confinement import Kind
from .launch import Wish, launch
from .process import Limits

Wanted = Literal["auto", "bubblewrap", "namespaces", "none"]
KINDS: tuple[Kind, ...] = ("bubblewrap", "namespaces", "network", "none")
"""The best first."""
_TRIAL = r"""
echo inside > inside || exit 11
if [ "$1" = disk ]; then
  while read -r _ _ _ _ point options _; do
    if [ "$point" = / ]; then top=$options; fi
  done < /proc/self/mountinfo
  case $top in ro*) ;; *) exit 12 ;; esac
  ( echo outside > "$2" ) 2>/dev/null
fi
while read -r name _; do
  case $name in lo:*|Inter-*|face*) ;; *:*) [ "$1" = none ] || exit 13 ;; esac
done < /proc/net/dev
exit 0
"""
TRIAL_LIMITS = Limits(20.0, 1_000_000, 1 << 32, 4_096)


@dataclass(frozen=True, slots=True)
class Protection:
    """What programs are kept from."""

    kind: Kind
    description: str
    """One line for people."""
    network: bool
    """They cannot reach the network."""
    filesystem: bool
    """They can write to the repository and to temporary files alone, and do not see keys and passwords."""


PROTECTIONS = {
    "bubblewrap": Protection(
        "bubblewrap",
        "bubblewrap: no network, writes in the repository alone, keys and passwords hidden",
        network=True,
        filesystem=True,
    ),
    "namespaces": Protection(
        "namespaces",
        "namespaces: no network, writes in the repository alone, keys and passwords hidden",
        network=True,
        filesystem=True,
    ),
    "network": Protection(
        "network",
        "namespaces without mounts: no network; programs may write wherever you may",
        network=True,
        filesystem=False,
    ),
    "none": Protection(
        "none",
        "limits of time, memory and output alone: programs may reach the network and whatever you may",
        network=False,
        filesystem=False,
    ),
}


def protection(wanted: Wanted = "auto") -> Protection:
    """The best protection that works here, of those that are wanted.

    Raises SandboxError when the one that is asked for does not work, with the reason.
    """
    if wanted == "none":
        return PROTECTIONS["none"]
    kinds = KINDS if wanted == "auto" else (wanted,)
    reasons = {kind: why_not(kind) for kind in kinds}
    for kind, reason in reasons.items():
        if reason is None:
            return PROTECTIONS[kind]
    if wanted == "auto":
        return PROTECTIONS["none"]
    raise SandboxError(
        f"sandbox.kind is {wanted}, which does not work here: {reasons[wanted]}; "
        "set it to auto or none"
    )


@cache
def why_not(kind: Kind) -> str | None:
    """Why a kind of protection does not work on this machine, found out by a trial; None when it does."""
    if sys.platform != "linux" and kind != "none":
        return "it needs Linux"
    try:
        with tempfile.TemporaryDirectory(prefix="megacontext-") as folder:
            root = Path(folder).resolve() / "inside"
            root.mkdir()
            outside = root.parent / "outside"
            asked = {"bubblewrap": "disk", "namespaces": "disk"}.get(kind, kind)
            wish = Wish(["sh", "-c", _TRIAL, "sh", asked, str(outside)], root, writable=(root,))
            outcome = launch(kind, wish, TRIAL_LIMITS)
            written = (root / "inside").exists() and not outside.exists()
    except OSError as exc:
        return str(exc)
    if outcome.failure:
        return outcome.failure
    if outcome.status == 0 and written:
        return None
    return {12: "files outside could be written", 13: "there is a network"}.get(
        outcome.status, f"a trial ended with status {outcome.status}"
    )
