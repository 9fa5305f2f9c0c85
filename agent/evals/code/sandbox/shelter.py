"""How well hostile programs can be shut in here: tried once, said always, and refused where it is too little."""

import tempfile
from dataclasses import dataclass
from functools import cache

from megacontext.configs.errors import SandboxError

from ....sandbox.confinement import Kind
from ....sandbox.protection import PROTECTIONS, protection, why_not
from .cell import Bounds, rewound, run_cell
from .inside.wire import line

_TRIAL = line(
    {"source": "def same(x):\n    return x\n", "entry": "same", "sealed": False, "call_s": 10}
)


@dataclass(frozen=True)
class Shelter:
    """What programs are kept from."""

    kind: Kind
    seals: bool
    """They give up sockets, processes and writing before they begin."""

    @property
    def description(self) -> str:
        """One line for people: which protection is active."""
        seal = "system calls filtered (no sockets, no further processes, no writing)"
        if PROTECTIONS[self.kind].filesystem:
            names = f"{self.kind}: no network, own processes, home folder hidden"
            return f"{names}; {seal}" if self.seals else names
        return f"{seal}; files that you may read can be read, since namespaces do not work here"


def best_shelter() -> Shelter:
    """The best that works here.

    Raises SandboxError where programs could reach the network or write files: then none is run.
    """
    kind = protection().kind
    found = Shelter(kind, _seals(kind))
    if found.seals or PROTECTIONS[kind].filesystem:
        return found
    raise SandboxError(
        "programs of a model are not run here, since nothing would keep them from the network and from your files "
        f"(bubblewrap: {why_not('bubblewrap')}; namespaces: {why_not('namespaces')}; no system call filter); "
        "use Linux with user namespaces, or install bubblewrap"
    )


@cache
def _seals(kind: Kind) -> bool:
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as answered:
        asked.write(_TRIAL)
        asked.seek(0)
        try:
            run_cell(kind, "answering", [asked.fileno(), answered.fileno()], Bounds())
        except OSError:
            return False
        return rewound(answered).startswith(line({"sealed": True}))
