"""What a frozen base says of windows, kept on disk: the same loss, read plainly once."""

import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from megacontext.configs.errors import TrainingError
from megacontext.models.gist.initial import initial_gistnet
from megacontext.models.training.gist.learner import GistLearner
from megacontext.models.training.gist.settings import GistRunSettings, TermSettings, ViewSettings
from megacontext.models.training.gist.teacher import Said, TeacherCache, what_is_said
from megacontext.models.training.loss import Likeliest, distilled_loss
from megacontext.models.training.task import Moment
from megacontext.models.training.windows import Windows, write_windows
from tests.models.gist_bases import VOCABULARY, base_lm, identity

LENGTH = 136
COUNT = 6
NOW = Moment(3, 0.5)


@pytest.fixture
def windows(tmp_path: Path) -> Windows:
    chance = np.random.default_rng(0)
    rows = chance.integers(1, VOCABULARY, (COUNT, LENGTH)).tolist()
    write_windows(tmp_path / "windows", "train", rows, LENGTH, 0)
    return Windows(tmp_path / "windows", "train", LENGTH)


def cache(tmp_path: Path, windows: Windows, top: int = VOCABULARY, key: str = "k") -> TeacherCache:
    return TeacherCache(tmp_path / "teacher", key, [windows], top, VOCABULARY)


class CountingLearner(GistLearner):
    """Counts the windows that were read plainly."""

    plain = 0

    def read_plain(self, ids: torch.Tensor) -> torch.Tensor:
        self.plain += len(ids)
        return super().read_plain(ids)


def learner(kept: TeacherCache | None, **terms: Any) -> CountingLearner:
    torch.manual_seed(3)
    base = base_lm()
    gistnet = initial_gistnet(base, identity(base), layers=2, seed=1)
    torch.nn.init.normal_(gistnet.up.weight, std=0.02)
    view, chosen = ViewSettings(segments=(1, 2)), TermSettings(**terms)
    return CountingLearner(
        base, gistnet, view, chosen, pad=0, seed=5, train_base=False, teacher=kept
    )


def value(taught: GistLearner, rows: Any) -> float:
    return float(taught.loss(rows, NOW)[0].detach())


def gradients(taught: GistLearner, rows: Any) -> tuple[float, list[torch.Tensor]]:
    loss, _ = taught.loss(rows, NOW)
    loss.backward()
    return float(loss.detach()), [p.grad for p in taught.gistnet.parameters() if p.grad is not None]


@pytest.mark.parametrize("importance", [0.0, 0.7])
def test_with_all_tokens_kept_the_loss_is_the_live_one(
    tmp_path: Path, windows: Windows, importance: float
) -> None:
    rows = windows.rows([0, 3])
    live, live_slopes = gradients(learner(None, teacher=0.8, importance=importance), rows)
    kept = learner(cache(tmp_path, windows), teacher=0.8, importance=importance)
    loss, slopes = gradients(kept, rows)
    assert loss == pytest.approx(live, rel=1e-3)
    for one, other in zip(slopes, live_slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=0.02, atol=2e-4)


def test_a_second_epoch_reads_nothing_plainly(tmp_path: Path, windows: Windows) -> None:
    taught = learner(cache(tmp_path, windows, top=8))
    first = [value(taught, windows.rows([i, i + 1])) for i in range(0, COUNT, 2)]
    assert taught.plain == COUNT
    second = [value(taught, windows.rows([i, i + 1])) for i in range(0, COUNT, 2)]
    assert taught.plain == COUNT
    assert first == second
    # Nor does a run that goes on, in another process and with ids of another type.
    resumed = learner(cache(tmp_path, windows, top=8))
    again = value(resumed, windows.rows([0, 1]).astype(np.int64))
    assert (resumed.plain, again) == (0, first[0])


def test_only_what_is_missing_is_read(tmp_path: Path, windows: Windows) -> None:
    taught = learner(cache(tmp_path, windows, top=8))
    value(taught, windows.rows([4]))
    loss = value(taught, windows.rows([1, 4, 2]))
    assert taught.plain == 3
    fresh = learner(cache(tmp_path / "other", windows, top=8))
    assert value(fresh, windows.rows([1, 4, 2])) == pytest.approx(loss, rel=1e-4)


def test_another_base_or_other_windows_start_anew(tmp_path: Path, windows: Windows) -> None:
    value(learner(cache(tmp_path, windows, top=8)), windows.rows([0]))
    for changed in ({"key": "other"}, {"top": 4}):
        taught = learner(cache(tmp_path, windows, **{"top": 8, **changed}))
        value(taught, windows.rows([0]))
        assert taught.plain == 1


@pytest.mark.parametrize("at", [0, 700, -1])
def test_a_record_cut_short_by_a_crash_is_made_again(
    tmp_path: Path, windows: Windows, at: int
) -> None:
    taught = learner(cache(tmp_path, windows, top=8))
    before = value(taught, windows.rows([0, 5]))
    file = tmp_path / "teacher" / "teacher.bin"
    content = bytearray(file.read_bytes())
    content[at] ^= 0xFF
    file.write_bytes(content)
    resumed = learner(cache(tmp_path, windows, top=8))
    after = value(resumed, windows.rows([0, 5]))
    assert resumed.plain == 1
    assert after == pytest.approx(before, rel=1e-4)


def test_a_full_disk_is_an_error_that_says_what_it_takes(tmp_path: Path, windows: Windows) -> None:
    taught = learner(cache(tmp_path, windows))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(TrainingError, match=r"GB: make room, or keep fewer tokens"):
            value(taught, windows.rows([5]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_window_from_elsewhere_is_refused(tmp_path: Path, windows: Windows) -> None:
    taught = learner(cache(tmp_path, windows))
    with pytest.raises(TrainingError, match="none of those"):
        value(taught, windows.rows([0]) + 1)


def test_an_untouched_file_takes_no_room(tmp_path: Path, windows: Windows) -> None:
    kept = cache(tmp_path, windows)
    status = (tmp_path / "teacher" / "teacher.bin").stat()
    assert status.st_size == kept.size
    assert status.st_blocks * 512 < kept.size / 10


RUN = {
    "name": "n",
    "base": {"folder": "b"},
    "data": [{"corpus": "c"}],
    "seq_len": 128,
    "schedule": {"total_steps": 1},
    "batch": {"windows": 2},
}


@pytest.mark.parametrize(
    ("change", "told"),
    [({"train_base": True}, "train_base changes it"), ({"terms": {"contrast": 0.1}}, "contrast")],
)
def test_what_changes_or_needs_more_than_is_kept_is_refused(
    change: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        GistRunSettings.model_validate({**RUN, **change, "teacher": {"top": 8}})


def test_a_run_from_before_is_the_run_without_it() -> None:
    plain = GistRunSettings.model_validate(RUN)
    kept = GistRunSettings.model_validate({**RUN, "teacher": {"top": 8}})
    dump = plain.model_dump(mode="json")
    del dump["teacher"]
    assert plain.differences(dump) == []
    assert kept.differences(dump) == ["teacher ({'top': None} there, {'top': 8} here)"]
    assert plain.fingerprint() != kept.fingerprint()


@settings(max_examples=30, deadline=None)
@given(top=st.integers(1, 12), seed=st.integers(0, 1000))
def test_kept_tokens_give_the_divergence_with_the_rest_as_one(top: int, seed: int) -> None:
    torch.manual_seed(seed)
    hidden = torch.randn(1, 6, requires_grad=True)
    head, teacher = torch.randn(12, 6), torch.randn(1, 6)
    wanted = (teacher @ head.T).softmax(1)
    best = wanted.topk(top)
    loss = distilled_loss(
        hidden, head, torch.tensor([0]), torch.ones(1), Likeliest(best.indices, best.values), 1.0
    )
    given_chances = (hidden @ head.T).softmax(1)
    inside = given_chances.gather(1, best.indices)
    expected = (best.values * (best.values / inside).log()).sum()
    rest, room = 1 - best.values.sum(), 1 - inside.sum()
    if top < 12:
        expected = expected + rest * (rest / room).log()
    torch.testing.assert_close(loss, expected, rtol=1e-3, atol=1e-4)
    slopes = (torch.autograd.grad(each, hidden)[0] for each in (loss, expected))
    torch.testing.assert_close(*slopes, rtol=1e-3, atol=1e-4)


def test_what_is_said_is_what_is_likeliest_and_what_follows_costs() -> None:
    torch.manual_seed(0)
    states, head = torch.randn(2, 5, 6), torch.randn(12, 6)
    ids = torch.randint(0, 12, (2, 5))
    said = what_is_said(states, head, ids, 3)
    logs = (states @ head.T).log_softmax(2)[:, :-1]
    torch.testing.assert_close(said.logs, logs.topk(3).values)
    assert (said.tokens == logs.topk(3).indices).all()
    torch.testing.assert_close(said.surprise, -logs.gather(2, ids[:, 1:, None])[..., 0])
    assert isinstance(said.to(torch.device("cpu")), Said)
