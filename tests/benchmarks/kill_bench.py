"""SIGKILL at random points of indexing: nothing that was acknowledged is lost, and the rest can be made again.

What is checked after each kill stands in the tests' own helper; the suite runs it 20 times.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.memory.killing import kill_many

from .bars import Bar

KILLS = 200


def measure(quick: bool) -> list[Bar]:
    wanted = KILLS // 10 if quick else KILLS
    with TemporaryDirectory(prefix="megacontext-") as folder:
        lost = ""
        try:
            kills = kill_many(Path(folder), wanted, seed=1)
        except AssertionError as exc:
            kills, lost = [], f"{exc}"
    midway = sum(kill.status == 9 for kill in kills)
    states = len({tuple(sorted(kill.acknowledged.items())) for kill in kills})
    return [
        Bar(
            "runs that ended whole: verified, nothing lost, the root of scratch",
            len(kills),
            at_least=wanted,
            note=lost or f"{midway} were killed midway, in {states} different states",
        )
    ]
