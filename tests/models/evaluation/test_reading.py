import numpy as np
import pytest
import torch

from megacontext.configs.errors import ModelError
from megacontext.models.evaluation.arms import ALL_VERBATIM, FULL, KINDS, NONE, Arm
from megacontext.models.evaluation.gist_cgr import QuickCGR, quick_cgr
from megacontext.models.evaluation.gist_losses import read_arms
from megacontext.models.evaluation.passages import SETTINGS, sample_passages
from megacontext.models.evaluation.reading import Reader, batches, encoded, full_digest
from megacontext.models.gist.initial import initial_gistnet
from tests.models.gist_bases import VOCABULARY, base_lm, identity

BASES = ["qwen2", "smollm3"]


@pytest.fixture(scope="module", params=BASES)
def any_base(request):
    return base_lm(request.param)


def some_ids(*shape: int):
    return np.random.default_rng(1).integers(5, VOCABULARY, shape)


def test_losses_are_those_of_the_model_read_as_plain_tokens(any_base):
    ids = some_ids(3, 50)
    reader = Reader(any_base)
    found = reader.losses(reader.embed(ids[:, :30]), torch.from_numpy(ids[:, 30:]))
    with torch.no_grad():
        logits = any_base(input_ids=torch.from_numpy(ids)).logits[:, 29:-1]
    expected = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), torch.from_numpy(ids[:, 30:]).flatten(), reduction="none"
    )
    assert found.flatten() == pytest.approx(expected.numpy(), abs=1e-4)


def test_a_distant_vector_changes_every_target(any_base):
    reader, targets = Reader(any_base), torch.from_numpy(some_ids(2, 20))
    context = reader.embed(some_ids(2, 150))
    changed = context.clone()
    changed[:, 0] = reader.embed(np.array([5]))
    moved = np.abs(reader.losses(context, targets) - reader.losses(changed, targets))
    assert (moved > 0).all()


def test_a_distant_vector_is_read_across_gaps_in_positions_when_a_mask_is_given(any_base):
    """Without the mask transformers cuts attention at the gap; that is what the mask is for."""
    vectors = Reader(any_base).embed(some_ids(1, 40))
    changed = vectors.clone()
    changed[:, 3] = -changed[:, 3]
    positions = torch.cat([torch.arange(10), torch.arange(100, 130)])[None]

    def last(inputs, **options):
        with torch.no_grad():
            out = any_base(inputs_embeds=inputs, position_ids=positions, use_cache=False, **options)
        return out.logits[0, -1]

    mask = {"attention_mask": torch.ones(1, 40, dtype=torch.long)}
    assert not torch.equal(last(vectors, **mask), last(changed, **mask))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
def test_all_blocks_at_level_0_cost_exactly_nothing(base, gistnet, windows, layout, setting):
    reader, passages = Reader(base), sample_passages(windows, 12, 0, layout)
    gists = encoded(reader, gistnet, passages.replaced)
    losses = read_arms(reader, passages, setting, [FULL, ALL_VERBATIM, Arm("gist", 8)], gists)
    assert np.array_equal(losses[FULL], losses[ALL_VERBATIM])
    assert not np.array_equal(losses[FULL], losses[Arm("gist", 8)])


def test_targets_and_tail_are_the_same_in_every_arm(base, gistnet, windows, layout):
    """Whatever stands in place of the blocks, the loss is that of the same tokens behind it."""
    reader, passages = Reader(base), sample_passages(windows, 3, 0, layout)
    right, behind = SETTINGS
    none = read_arms(reader, passages, behind, [NONE])[NONE]
    tail, targets = passages.after[:, :8], passages.after[:, 8:24]
    context = reader.embed(np.concatenate([passages.prefix, tail], axis=1))
    assert np.array_equal(none, reader.losses(context, torch.from_numpy(targets)))
    full = read_arms(reader, passages, right, [FULL])[FULL]
    context = reader.embed(np.concatenate([passages.prefix, passages.replaced], axis=1))
    expected = reader.losses(context, torch.from_numpy(passages.after[:, :16]))
    assert np.array_equal(full, expected)


def test_losses_do_not_depend_on_what_is_read_along(base, gistnet, windows, layout):
    reader, passages = Reader(base), sample_passages(windows, 12, 0, layout)
    gists = encoded(reader, gistnet, passages.replaced)
    arms = [Arm(kind, 2) for kind in KINDS if kind != "shuffled"]
    together = read_arms(reader, passages, SETTINGS[0], arms, gists)
    alone = read_arms(reader, passages, SETTINGS[0], arms[:1], gists)
    assert np.array_equal(together[arms[0]], alone[arms[0]])


def test_gists_are_rounded_as_rows_of_a_tree_are(base, gistnet, windows, layout):
    reader, passages = Reader(base), sample_passages(windows, 3, 0, layout)
    gists = encoded(reader, gistnet, passages.replaced)
    assert gists.shape == (3, 2, 8, 32)
    assert torch.equal(gists, gists.bfloat16().float())


def test_shuffled_gists_need_another_passage(base, gistnet, windows, layout):
    reader, passages = Reader(base), sample_passages(windows, 1, 0, layout)
    gists = encoded(reader, gistnet, passages.replaced)
    with pytest.raises(ModelError, match="two windows"):
        read_arms(reader, passages, SETTINGS[0], [Arm("shuffled", 2)], gists)


def test_measuring_leaves_the_base_as_it_is_and_a_changed_bit_is_noticed(windows, layout):
    base = base_lm()
    gistnet = initial_gistnet(base, identity(base))
    before = full_digest(base)
    quick_cgr(base, gistnet, windows, 4, layout=layout)
    assert full_digest(base) == before
    with torch.no_grad():
        next(base.parameters()).view(-1)[-1] += 1e-6
    assert full_digest(base) != before


def test_the_quick_measurement_is_the_same_each_time_and_follows_the_gistnet(
    base, gistnet, windows, layout
):
    quick = QuickCGR(base, windows, 6, layout=layout)
    first = quick(gistnet)
    assert first == quick(gistnet) == quick_cgr(base, gistnet, windows, 6, layout=layout)
    fresh = quick(initial_gistnet(base, identity(base)))
    moved = {name for name in first if first[name] != fresh[name]}
    assert moved == {name for name in first if name.endswith(("cgr", "delta_nll"))}
    assert {f"{s.name}/{r}/cgr" for s in SETTINGS for r in ("4x", "8x", "16x", "32x")} <= moved


def test_quick_figures_fit_each_other(base, gistnet, windows, layout):
    found = quick_cgr(base, gistnet, windows, 6, layout=layout)
    for setting in SETTINGS:
        none, full = found[f"{setting.name}/none_nll"], found[f"{setting.name}/full_nll"]
        gist = full * (1 + found[f"{setting.name}/8x/delta_nll"])
        assert found[f"{setting.name}/8x/cgr"] == pytest.approx((none - gist) / (none - full))


def test_batches_cover_everything_once():
    assert [list(range(10))[each] for each in batches(10, 4)] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]
