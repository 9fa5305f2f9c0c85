import numpy as np
import pytest

from megacontext.configs.errors import ModelError
from megacontext.models.evaluation.passages import (
    BEHIND_TAIL,
    LAYOUT,
    RIGHT_BEFORE,
    Layout,
    files_of,
    sample_passages,
)
from megacontext.models.training.windows import Windows, write_windows
from tests.models.evaluation.conftest import PAD


def test_passages_are_cut_from_their_windows_in_one_piece(windows, layout):
    found = sample_passages(windows, 100, 0, layout)
    for i, (number, start) in enumerate(zip(found.windows, found.starts, strict=True)):
        row = windows.rows([number])[0]
        assert found.prefix[i].tolist() == row[: layout.prefix].tolist()
        rest = [*found.replaced[i], *found.after[i]]
        assert start >= layout.prefix
        assert rest == row[start : start + len(rest)].tolist()


def test_padding_and_short_windows_are_left_out(windows, layout):
    found = sample_passages(windows, 100, 0, layout)
    assert set(range(20)) - set(found.windows.tolist()) == {5}
    assert not (found.replaced == PAD).any()
    assert not (found.after == PAD).any()


def test_the_same_seed_gives_the_same_passages_and_another_one_others(windows, layout):
    first, again, other = (sample_passages(windows, 8, seed, layout) for seed in (1, 1, 2))
    assert np.array_equal(first.replaced, again.replaced)
    assert np.array_equal(first.windows, other.windows)
    assert not np.array_equal(first.starts, other.starts)


@pytest.mark.parametrize("count", [1, 2, 7, 19])
def test_windows_are_spread_evenly_and_taken_once(windows, layout, count):
    found = sample_passages(windows, count, 0, layout)
    assert len(found) == count
    gaps = np.diff(found.windows)
    assert (gaps >= 1).all()
    assert count < 3 or gaps.max() - gaps.min() <= 2


def test_too_short_windows_are_told(windows):
    with pytest.raises(ModelError, match="has the 456 tokens"):
        sample_passages(windows, 4)


def test_the_settings_differ_by_the_tail_alone():
    assert LAYOUT.replaced == 256
    assert RIGHT_BEFORE.targets(LAYOUT) == slice(0, 128)
    assert BEHIND_TAIL.targets(LAYOUT) == slice(64, 192)


def test_the_file_of_the_targets_is_the_last_one_opened_before_them(tmp_path):
    # 9 opens a file, whose path is letters up to a newline (10).
    layout = Layout(prefix=1, blocks=1, block_size=4, tail=2, horizon=4)
    row = [1, 9, 65, 10, 50, 9, 66, 10, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60]
    write_windows(tmp_path, "validation", [row, [1, *row[4:5] * 10, *range(70, 78)]], 19, 0)
    windows = Windows(tmp_path, "validation", 19)
    found = sample_passages(windows, 2, 0, layout)
    names = files_of(found, windows, 9, lambda ids: "".join(map(chr, ids)))
    assert names == ["B" if found.starts[0] + 4 > 5 else "A", 1]
    assert files_of(found, windows, None, lambda ids: "".join(map(chr, ids))) == [0, 1]
