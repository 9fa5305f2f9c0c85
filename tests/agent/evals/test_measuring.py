"""Losses: the base's own, whatever they are measured along with, and each measured once."""

import sqlite3

import numpy as np
import pytest
import torch

from megacontext.agent.evals.measuring import LossCache, Measurer, lay_out
from megacontext.configs.errors import ModelError
from megacontext.models.base import Special, Text, Tokens, Vectors

TARGETS = (5, 80, 33, 7)


def prompts(model):
    rows = torch.nn.functional.normalize(torch.arange(96.0).reshape(3, 32), dim=-1)
    return [
        [Text("def f(x):\n"), Tokens((9, 10, 11))],
        [Special("repo_name"), Text("name\n"), Vectors(rows), Tokens((9, 10))],
        [Tokens(tuple(range(40, 90)))],
        [Tokens((3,))],
        [Vectors(rows[:1]), Text("x = 1\n" * 9)],
    ]


def plain_loss(model, prompt, targets):
    """One prompt alone, as `forward` reads it, token by token."""
    laid = lay_out(model, prompt)
    rows = model.embed([*laid.ids, *targets])
    for at, vectors in laid.vectors:
        rows[at : at + len(vectors)] = vectors
    with torch.inference_mode():
        logits = model.forward(rows[None], torch.ones(1, len(rows), dtype=torch.long))[0]
    told = torch.log_softmax(logits.float(), dim=-1)
    start = len(laid)
    return -sum(told[start + at - 1, token].item() for at, token in enumerate(targets))


@pytest.mark.parametrize("together", [False, True])
def test_losses_are_those_of_each_prompt_alone(reader, tmp_path, together):
    given = prompts(reader.model)
    # Some with beginnings in common, through a vector and up to its end.
    given += [[*given[1], Text("more")], [*given[1][:3], Text("other")], [*given[4], Tokens((7,))]]
    wanted = [plain_loss(reader.model, prompt, TARGETS) for prompt in given]
    with LossCache(tmp_path / "some.db") as cache:
        measurer = Measurer(reader.model, "base", cache, together=together)
        assert measurer.losses(given, TARGETS) == pytest.approx(wanted, abs=1e-3)
        assert measurer.forwards == len(given)


def test_a_far_vector_changes_the_loss(measurer):
    far = [Vectors(torch.ones(1, 32)), Text("pass\n" * 200)]
    other = [Vectors(-torch.ones(1, 32)), Text("pass\n" * 200)]
    one, two = measurer.losses([far, other], TARGETS)
    assert abs(one - two) > 1e-3


def test_what_was_measured_is_not_measured_again(reader, tmp_path):
    given = prompts(reader.model)
    found = []
    for forwards in (len(given), 0):
        with LossCache(tmp_path / "losses.db") as cache:
            measurer = Measurer(reader.model, "base", cache)
            found.append(measurer.losses([*given, *given], TARGETS))
            assert measurer.forwards == forwards
    assert (found[0] == found[1]).all() and (found[0][: len(given)] == found[0][len(given) :]).all()
    with LossCache(tmp_path / "losses.db") as cache:
        for base, targets in (("another", TARGETS), ("base", TARGETS[:-1])):
            measurer = Measurer(reader.model, base, cache)
            measurer.losses(given[:1], targets)
            assert measurer.forwards == 1


def test_nothing_is_kept_of_a_call_that_failed(measurer, tmp_path):
    long = [Tokens((4,) * measurer.model.context_length)]
    with pytest.raises(ModelError, match="set smaller budgets"):
        measurer.losses([[Tokens((3,))], long], TARGETS)
    with sqlite3.connect(tmp_path / "losses.db") as db:
        assert db.execute("SELECT count(*) FROM losses").fetchone() == (0,)


def test_equal_prompts_only_have_equal_digests(reader):
    rows = torch.ones(2, 32)
    given = [
        [Tokens((0, 0))],
        [Vectors(rows)],
        [Vectors(2 * rows)],
        [Vectors(rows[:1]), Tokens((0,))],
        [Tokens((0,)), Vectors(rows[:1])],
        [Tokens((0, 0, 0))],
    ]
    digests = [lay_out(reader.model, prompt).digest for prompt in given]
    assert len(set(digests)) == len(given)
    assert digests == [lay_out(reader.model, prompt).digest for prompt in given]


def test_the_base_stays_as_it_is(measurer):
    before = [value.clone() for value in measurer.model.module.state_dict().values()]
    measurer.losses(prompts(measurer.model), TARGETS)
    after = measurer.model.module.state_dict().values()
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_losses_are_finite_and_positive(measurer):
    assert np.all(measurer.losses(prompts(measurer.model), TARGETS) > 0)
