"""LensNet's promises: what scores depend on, and what they do not."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from megacontext.models.lensnet import Asked, Entries, LensNet

from .lens_nets import WIDTH, config, some_entries, some_query, stirred

VARIANTS = [
    {},
    {"layers": 2},
    {"latents": 3},
    {"competition": True},
    {"latents": 2, "competition": True},
    {"features": False},
]


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.allclose(one, other, atol=1e-5)


def padded(tensor: torch.Tensor, more: int) -> torch.Tensor:
    """With rows of rubbish behind, or False for flags."""
    shape = (tensor.shape[0], more, *tensor.shape[2:])
    tail = (
        torch.zeros(shape, dtype=torch.bool)
        if tensor.dtype == torch.bool
        else torch.full(shape, 7.0)
    )
    return torch.cat((tensor, tail), 1)


@pytest.mark.parametrize("changes", VARIANTS)
def test_another_query_changes_every_score(changes):
    net, entries = stirred(**changes), some_entries(40)
    scores = [net(entries, some_query(3, seed=seed)) for seed in (1, 2)]
    assert (scores[0] != scores[1]).all()
    assert not torch.equal(net(entries, some_query(0)), scores[0])


@pytest.mark.parametrize("changes", VARIANTS)
def test_one_block_of_the_query_or_its_place_is_enough(changes):
    net, entries, query = stirred(**changes), some_entries(40), some_query(4)
    first_changed = query.gists.clone()
    first_changed[:, 0] += 1
    first, last = query.gists[:, [1, 0, 2, 3]], query.gists[:, [0, 1, 3, 2]]
    scores = net(entries, query)
    for gists in (first_changed, first, last):
        assert (net(entries, replace(query, gists=gists)) != scores).all()


def test_without_query_only_entries_count():
    net, entries = stirred(query=False), some_entries(10)
    scores = net(entries, some_query(3, seed=1))
    assert torch.equal(scores, net(entries, some_query(5, seed=2)))
    assert not torch.equal(scores, net(some_entries(10, seed=1), some_query(3)))


def test_without_features_only_gists_count():
    net, entries, query = stirred(features=False), some_entries(10), some_query(3)
    other = replace(entries, features=entries.features + 1)
    assert torch.equal(net(entries, query), net(other, query))
    assert not torch.equal(stirred()(entries, query), stirred()(other, query))


@pytest.mark.parametrize("changes", VARIANTS)
@settings(max_examples=25, deadline=None)
@given(
    entries=st.integers(1, 9),
    queries=st.integers(0, 5),
    more=st.integers(0, 6),
    seed=st.integers(0, 9),
)
def test_padding_changes_no_score(changes, entries, queries, more, seed):
    net = stirred(**changes)
    here, asked = some_entries(entries, seed=seed), some_query(queries, seed=seed)
    alone = net(here, asked)
    wide = Entries(*(padded(t, more) for t in (here.gists, here.features, here.present)))
    with_padding = net(wide, Asked(padded(asked.gists, more), padded(asked.present, more)))
    assert close(with_padding[:, :entries], alone)
    assert (with_padding[:, entries:] == -torch.inf).all()


@pytest.mark.parametrize("changes", VARIANTS)
def test_a_batch_scores_as_one_by_one(changes):
    net, here, asked = stirred(**changes), some_entries(12, batch=3), some_query(4, batch=3)
    present = asked.present.clone()
    present[1, 2:] = present[2] = False
    together = net(here, Asked(asked.gists, present))
    for row in range(3):
        one = Entries(here.gists[row : row + 1], here.features[row : row + 1], here.present[:1])
        count = int(present[row].sum())
        query = Asked(asked.gists[row : row + 1, :count], present[row : row + 1, :count])
        assert close(net(one, query)[0], together[row])


@pytest.mark.parametrize("changes", VARIANTS)
@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(8)))
def test_scores_move_with_the_entries(changes, order):
    net, here, asked = stirred(**changes), some_entries(8), some_query(3)
    moved = Entries(here.gists[:, order], here.features[:, order], here.present)
    assert close(net(moved, asked), net(here, asked)[:, order])


@pytest.mark.parametrize("changes", VARIANTS)
def test_entries_can_be_scored_later(changes):
    net, here, asked = stirred(**changes), some_entries(8), some_query(3)
    verdict, kept = net.consider(here, asked)
    again = net.judge(here, kept)
    assert close(again.scores, verdict.scores)
    part = Entries(here.gists[:, 2:5], here.features[:, 2:5], here.present[:, 2:5])
    assert close(net.judge(part, kept).scores, verdict.scores[:, 2:5])


def test_what_is_illegal_is_read_but_not_scored():
    net, here, asked = stirred(), some_entries(6), some_query(3)
    legal = torch.tensor([[True, False, True, True, False, True]])
    scores, free = net(replace(here, legal=legal), asked), net(here, asked)
    assert close(scores[legal], free[legal])
    assert (scores[~legal] == -torch.inf).all()


def test_an_entry_without_gist_is_told_from_one_with_a_gist():
    net, here, asked = stirred(), some_entries(4), some_query(3)
    none = replace(here, gists=torch.zeros_like(here.gists))
    scores = net(none, asked)
    assert scores.isfinite().all()
    assert not close(scores, net(here, asked))
    assert close(net(replace(here, gists=here.gists * 3), asked), net(here, asked))


@pytest.mark.parametrize("changes", VARIANTS)
def test_nothing_to_score_and_nothing_asked_is_no_error(changes):
    net = stirred(**changes)
    assert net(some_entries(0), some_query(3)).shape == (1, 0)
    empty = some_entries(3, batch=2)
    empty.present[1] = False
    empty.gists.requires_grad_()
    scores = net(empty, some_query(0, batch=2))
    assert scores[0].isfinite().all()
    scores[0].sum().backward()
    assert empty.gists.grad.isfinite().all()


def test_fresh_it_scores_as_the_feature_weights_do():
    net, here = LensNet(config()), some_entries(20)
    weighed = here.features[0] @ torch.tensor([1.0, 0.5, 0.0]) - 0.05
    assert close(net(here, some_query(3))[0], weighed)


def test_equal_configurations_give_equal_weights_and_leave_the_random_state():
    state = torch.get_rng_state()
    one, same, other = (LensNet(config(seed=seed)) for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), state)
    pairs = list(zip(one.parameters(), same.parameters(), other.parameters(), strict=True))
    assert all(torch.equal(a, b) for a, b, _ in pairs)
    assert not all(torch.equal(a, c) for a, _, c in pairs)


def test_the_scale_of_what_it_sees_is_taken_from_a_sample():
    net, here, asked = stirred(), some_entries(6), some_query(3)
    before = net(here, asked)
    shifted = replace(here, features=10 * here.features + 3)
    net.fit(shifted.features[0], here.gists[0])
    assert not close(net(here, asked), before)
    net.fit(torch.zeros(4, 3), torch.zeros(4, WIDTH))
    assert net(here, asked).isfinite().all()


def test_of_a_feature_that_did_not_vary_nothing_was_learned():
    net, here, asked = stirred(), some_entries(6), some_query(3)
    seen = here.features[0].clone()
    seen[:, 1] = 0.0
    net.fit(seen, here.gists[0])
    more = here.features.clone()
    more[..., 1] += 2
    gained = net(replace(here, features=more), asked) - net(here, asked)
    assert close(gained, torch.full_like(gained, 2 * net.weights[1].item()))
    assert torch.equal(net.learned_weights[1], net.weights[1])


def test_corrections_count_on_the_scale_of_their_features():
    net, here = LensNet(config()), some_entries(6)
    net.fit(100 * here.features[0], here.gists[0])
    with torch.no_grad():
        net.corrections.normal_()
    scores = net(here, some_query(3))[0]
    weighed = here.features[0] @ net.learned_weights
    assert close(scores - scores.mean(), weighed - weighed.mean())


def test_what_all_gists_have_in_common_is_no_likeness():
    net, here, asked = stirred(), some_entries(300), some_query(3)
    common = 5 * torch.ones(WIDTH)
    alike = replace(here, gists=here.gists + common)
    net.fit(alike.features[0], alike.gists[0])
    near, _ = net.consider(alike, replace(asked, gists=asked.gists + common))
    with torch.no_grad():
        net.gist_mean.zero_()
        net.gist_scale.fill_(1)
    far, _ = net.consider(alike, replace(asked, gists=asked.gists + common))
    assert near.likeness.std() > 2 * far.likeness.std()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"width": 9}, "multiple of heads"),
        ({"feature_weights": {"colour": 1.0}}, "names colour"),
        ({"feature_names": ("near", "near", "bm25")}, "must differ"),
        ({"latents": -1}, "latents"),
        ({"version": 2}, "version"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(changes, told):
    with pytest.raises(ValidationError, match=told):
        config(**changes)
