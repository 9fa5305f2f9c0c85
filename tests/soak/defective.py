"""`python -m tests.soak.defective NAME`: writers with a defect, so that the suite can show that it would be noticed."""

import sys

from megacontext.memory.catalogue import connection
from megacontext.memory.tree.level_file import LevelFile
from tests.memory import killing, workbench
from tests.memory.killing import serve


def commits_before_it_syncs() -> None:
    """Rows are on their way to the disk while SQLite already tells of them."""
    LevelFile.sync = lambda self: None  # type: ignore[method-assign]


def acknowledges_what_it_will_commit() -> None:
    """Says that something is there before it is."""
    real = killing.held

    def held(memory: workbench.Memory) -> dict[str, int]:
        return {name: count + 1 for name, count in real(memory).items()}

    killing.held = held


def takes_a_short_write_for_a_whole_one() -> None:
    """Does not look how much was written."""
    from megacontext.memory.tree import level_file

    def write_once(fd: int, data: bytes, offset: int, path: object) -> None:
        level_file.os.pwrite(fd, data, offset)

    level_file.write_all = write_once  # type: ignore[assignment]


def trusts_the_database_to_sync_nothing() -> None:
    """SQLite orders nothing on the disk, so that a checkpoint may arrive before what it is of."""
    real = connection.open_for_writing

    def open_for_writing(path: object) -> object:
        db = real(path)  # type: ignore[arg-type]
        db.execute("PRAGMA synchronous = OFF")
        return db

    from megacontext.memory import memory

    memory.open_for_writing = open_for_writing  # type: ignore[assignment]


DEFECTS = (
    commits_before_it_syncs,
    acknowledges_what_it_will_commit,
    takes_a_short_write_for_a_whole_one,
    trusts_the_database_to_sync_nothing,
)

if __name__ == "__main__":
    {defect.__name__: defect for defect in DEFECTS}[sys.argv[1]]()
    serve()
