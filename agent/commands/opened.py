"""An engine over a fresh memory, for commands that read: they index first if they may, and say so if not."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from megacontext.configs.errors import StoreBusyError

from ..console import note, progress_bar

if TYPE_CHECKING:
    from ..engine import Engine


@contextmanager
def fresh_engine(
    repository: Path | None, overrides: Mapping[str, object], *, quiet: bool
) -> Iterator["Engine"]:
    """An engine whose memory equals the files now; read-only when another process keeps it fresh."""
    from ..engine import Engine
    from ..opening import Workplace

    workplace = Workplace.at(repository, overrides)
    try:
        memory = workplace.open_memory(write=True)
    except StoreBusyError:
        memory = workplace.open_memory(write=False)
        if not quiet:
            note(
                f"{memory.who_writes() or 'another process'} keeps this index fresh; reading what it has written"
            )
    with memory:
        engine = Engine(workplace, memory)
        with progress_bar(not quiet) as bar:
            engine.refresh(bar)
        yield engine
