"""An engine over a fresh memory, for commands that read: they index first if they may, and say so if not."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from megacontext.configs.errors import StoreBusyError

from ..console import note, progress_bar

if TYPE_CHECKING:
    from megacontext.memory.memory import Memory

    from ..engine import Engine
    from ..opening import Workplace


def opened_memory(workplace: "Workplace", *, quiet: bool) -> "Memory":
    """The memory, to be written if nobody else does, and said so if somebody does."""
    try:
        return workplace.open_memory(write=True)
    except StoreBusyError:
        memory = workplace.open_memory(write=False)
        if not quiet:
            writer = memory.who_writes() or "another process"
            note(f"{writer} keeps this index fresh; reading what it has written")
        return memory


@contextmanager
def fresh_engine(
    repository: Path | None, overrides: Mapping[str, object], *, quiet: bool
) -> Iterator["Engine"]:
    """An engine whose memory equals the files now; read-only when another process keeps it fresh."""
    from ..engine import Engine
    from ..opening import Workplace

    workplace = Workplace.at(repository, overrides)
    with opened_memory(workplace, quiet=quiet) as memory:
        engine = Engine(workplace, memory)
        with progress_bar(not quiet) as bar:
            engine.refresh(bar)
        yield engine
