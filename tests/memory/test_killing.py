from pathlib import Path

import pytest

from .killing import kill_many


def test_killed_at_20_random_points_nothing_is_lost(tmp_path: Path) -> None:
    kills = kill_many(tmp_path, 20)
    assert sum(kill.status == 9 for kill in kills) >= 10
    assert len({tuple(sorted(kill.acknowledged.items())) for kill in kills}) > 5


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_200_random_points_nothing_is_lost(tmp_path: Path) -> None:
    kills = kill_many(tmp_path, 200, seed=1)
    assert sum(kill.status == 9 for kill in kills) >= 100
