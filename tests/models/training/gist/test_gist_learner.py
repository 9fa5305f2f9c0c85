"""Reading windows with gists in them: the dense view against plain prompts, losses, what is trained."""

import random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from megacontext.models.gist.initial import initial_gistnet
from megacontext.models.gistnet import reading_order
from megacontext.models.training.gist.dense_cgr import dense_cgr
from megacontext.models.training.gist.learner import GistLearner, draw_slots, said_length
from megacontext.models.training.gist.settings import TermSettings, ViewSettings
from megacontext.models.training.gist.view import PREFIX, Partition, View, draw_partition
from megacontext.models.training.loss import distilled_loss
from megacontext.models.training.task import Moment
from megacontext.models.training.workers import add_gradients, trained
from tests.models.gist_bases import VOCABULARY, base_lm, identity

TOKENS = 128


def learner(train_base: bool = False, **terms: Any) -> GistLearner:
    torch.manual_seed(3)
    base = base_lm()
    gistnet = initial_gistnet(base, identity(base), layers=2, seed=1)
    torch.nn.init.normal_(gistnet.up.weight, std=0.02)
    return GistLearner(
        base,
        gistnet,
        ViewSettings(segments=(1, 2)),
        TermSettings(**terms),
        pad=0,
        seed=5,
        train_base=train_base,
    )


def windows(count: int = 2, tokens: int = TOKENS + PREFIX) -> Tensor:
    return torch.randint(1, VOCABULARY, (count, tokens), generator=torch.Generator().manual_seed(2))


PARTITIONS = st.builds(
    draw_partition,
    st.just(TOKENS),
    st.just(32),
    st.sampled_from([(1,), (2,), (1, 3)]),
    st.sampled_from([0.0, 1.0]),
    st.integers(0, 10_000).map(random.Random),
).filter(lambda partition: len(partition.segments) > 1)


@settings(max_examples=15, deadline=None)
@given(partition=PARTITIONS, slots=st.sampled_from([1, 2, 8]))
def test_a_segment_is_read_as_if_all_before_it_were_gists(partition: Partition, slots: int) -> None:
    taught, ids = learner(), windows()
    view = View(partition, slots)
    with torch.inference_mode():
        gists = taught.gists(ids, view)
        dense = taught.read_view(gists, ids, view)
        embed = taught.base.get_input_embeddings()
        order = reading_order(32, slots)
        starts = [sum(partition.blocks[:i]) for i in range(len(partition.blocks) + 1)]
        ends = [*partition.segments[1:], len(partition.blocks)]
        for first, end in zip(partition.segments, ends, strict=True):
            tokens = slice(PREFIX + starts[first], PREFIX + starts[end])
            prompt = torch.cat(
                (
                    embed(ids[:, :PREFIX]),
                    gists[:, :first, order].flatten(1, 2),
                    embed(ids[:, tokens]),
                ),
                dim=1,
            )
            mask = torch.ones(prompt.shape[:2], dtype=torch.long)
            plain = taught.base.model(inputs_embeds=prompt, attention_mask=mask).last_hidden_state
            behind = PREFIX + partition.replaced * slots
            there = slice(behind + starts[first], behind + starts[end])
            length = starts[end] - starts[first]
            torch.testing.assert_close(dense[:, there], plain[:, -length:], rtol=1e-3, atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(partition=PARTITIONS, slots=st.sampled_from([0, 1, 4]))
def test_what_predicts_is_told_with_what_it_stands_for(partition: Partition, slots: int) -> None:
    view = View(partition, slots)
    in_view, in_window = view.predicting
    assert len(in_view) == len(in_window) == len(view.depth)
    assert in_window.max() == PREFIX + TOKENS - 2
    behind = PREFIX + partition.replaced * slots
    tokens = in_view >= behind
    assert torch.equal(in_view[tokens] - behind, in_window[tokens] - PREFIX)
    assert (view.depth[tokens] > 0).all()
    starts = [sum(partition.blocks[:i]) for i in range(len(partition.blocks) + 1)]
    lasts = [PREFIX + end - 1 for end in starts[1 : partition.replaced + 1]] if slots else []
    assert in_window[~tokens].tolist() == lasts
    assert not view.mask.triu(1)[:behind, :behind].any()


def test_blocks_cover_what_is_replaced_and_nothing_else() -> None:
    partition = Partition((32, 20, 32, 44), (0, 1, 3))
    places, lengths = View(partition, 2).block_places
    assert lengths.tolist() == [32, 20, 32]
    covered = [p for row, n in zip(places.tolist(), lengths.tolist(), strict=True) for p in row[:n]]
    assert covered == list(range(PREFIX, PREFIX + 84))


def test_a_frozen_base_gets_no_gradient_and_stays_as_it_is() -> None:
    taught = learner()
    before = {name: p.detach().clone() for name, p in taught.base.named_parameters()}
    add_gradients(taught, windows().numpy(), Moment(0, 1.0), 1.0)
    assert all(p.grad is None for p in taught.base.parameters())
    assert {name.split(".")[0] for name in trained(taught)} == {"gistnet"}
    assert all(p.grad is not None for p in taught.gistnet.parameters())
    assert all(torch.equal(p, before[name]) for name, p in taught.base.named_parameters())


def test_a_base_that_is_trained_along_gets_gradients_of_both_readings() -> None:
    taught = learner(train_base=True)
    parts = add_gradients(taught, windows().numpy(), Moment(0, 1.0), 1.0)
    assert set(parts) == {"loss", "plain", "continuation", "reconstruction"}
    assert all(p.grad is not None for p in trained(taught).values())


def test_each_term_is_a_switch() -> None:
    rows, moment = windows().numpy(), Moment(4, 1.0)
    taught = learner(reconstruction=0, contrast=0.3, importance=0.5)
    _, parts = taught.loss(rows, moment)
    assert set(parts) == {"continuation", "contrast"}
    again, told = learner(reconstruction=1, importance=0.9).loss(rows, moment)
    plain, others = learner(reconstruction=1, importance=0).loss(rows, moment)
    assert told["reconstruction"] != others["reconstruction"]
    assert told["continuation"] == others["continuation"]
    assert again != plain


def test_the_same_step_has_the_same_loss_and_another_step_another() -> None:
    rows = windows().numpy()
    first, _ = learner().loss(rows, Moment(1, 0.5))
    same, _ = learner().loss(rows, Moment(1, 0.5))
    other, _ = learner().loss(rows, Moment(3, 0.5))
    assert first == same
    assert first != other


@pytest.mark.parametrize("mix", [0.0, 0.4, 1.0])
def test_the_distilled_loss_is_cross_entropy_and_divergence(mix: float) -> None:
    torch.manual_seed(0)
    hidden, head = torch.randn(600, 8, requires_grad=True), torch.randn(40, 8, requires_grad=True)
    teacher, targets, weights = torch.randn(600, 8), torch.randint(0, 40, (600,)), torch.rand(600)
    loss = distilled_loss(hidden, head, targets, weights, teacher, mix)
    logs = (hidden @ head.T).log_softmax(1)
    aims = (teacher @ head.T).softmax(1).detach()
    rows = (1 - mix) * torch.nn.functional.nll_loss(logs, targets, reduction="none")
    rows = rows + mix * (aims * (aims.log() - logs)).sum(1)
    expected = (rows * weights).sum() / weights.sum()
    # The value of the divergence is an estimate, its slope is not.
    torch.testing.assert_close(loss, expected, rtol=1e-5 if not mix else 0.15, atol=1e-5)
    slopes = torch.autograd.grad(2 * loss, (hidden, head))
    torch.testing.assert_close(slopes, torch.autograd.grad(2 * expected, (hidden, head)))


def test_gists_that_are_the_text_recover_everything() -> None:
    """With blocks of one token a fresh GistNet's slot is that token, so nothing is lost."""
    torch.manual_seed(3)
    base = base_lm()
    gistnet = initial_gistnet(base, identity(base), layers=1)
    one = gistnet.config.model_copy(update={"block_size": 1, "slots": 1})
    taught = learner()
    taught.gistnet = type(gistnet)(one)
    taught.gistnet.config = one
    ids = windows()
    view = View(Partition((1,) * TOKENS, (0, 64)), 1)
    read = taught.read_view(taught.gists(ids, view) * 0 + _token_rows(taught, ids), ids, view)
    full = taught.read_plain(ids)
    torch.testing.assert_close(read[:, -64:], full[:, -64:], rtol=1e-3, atol=1e-4)


def _token_rows(taught: GistLearner, ids: Tensor) -> Tensor:
    rows: Tensor = taught.base.get_input_embeddings()(ids[:, PREFIX : PREFIX + 64])
    return rows[:, :, None]


def test_dense_recovery_is_told_for_both_settings_and_each_ratio() -> None:
    told = dense_cgr(learner(), windows(3, PREFIX + 256).numpy(), (8, 1))
    names = {
        f"{setting}_{what}"
        for setting in ("behind_tail", "right_before")
        for what in ("4x", "32x", "gap")
    }
    assert set(told) == {*names, "full_nll"}
    assert told["full_nll"] > 0


def test_fewer_slots_come_as_the_run_goes_on() -> None:
    view = ViewSettings(slots=(8, 4, 2, 1), opening=0.5)
    chance = random.Random(0)
    assert {draw_slots(view, 0.0, chance) for _ in range(50)} == {8}
    late = [draw_slots(view, 0.9, chance) for _ in range(400)]
    assert min(late.count(count) for count in view.slots) > 60


@pytest.mark.parametrize(("progress", "length"), [(0, 4), (0.2, 8), (0.3, 16), (0.5, 32), (1, 32)])
def test_what_is_said_again_grows(progress: float, length: int) -> None:
    terms = TermSettings(first_lengths=(4, 8, 16), reconstruction_opening=0.4)
    assert said_length(terms, progress, 32) == length
