"""Prompts answered together are answered as each would be alone."""

import pytest

from megacontext.configs.errors import ModelError
from megacontext.models.base import Piece, Sampling, Text, Vectors
from megacontext.models.language.scripted import ScriptedModel
from megacontext.models.language.together import answers
from tests.models.conftest import KINDS

PROMPTS = ["def f(x):\n", "a", "import os\n\n\nclass Longer:\n    def name(self):\n        return"]


def alone(model, prompt, sampling):
    return "".join(
        each.text for each in model.generate(prompt, sampling) if isinstance(each, Piece)
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 2, 8])
def test_each_answer_is_what_it_is_alone(tiny_models, kind, rows):
    model = tiny_models(kind)
    first = alone(model, PROMPTS[0], Sampling(max_new_tokens=20))
    samplings = [
        Sampling(max_new_tokens=20, stop=(first[4:6] or "x",)),
        Sampling(max_new_tokens=7),
        Sampling(max_new_tokens=20, temperature=0.8, seed=3),
    ]
    wanted = [alone(model, *pair) for pair in zip(PROMPTS, samplings, strict=True)]
    assert answers(model, PROMPTS, samplings, rows) == wanted


def test_equal_prompts_with_other_seeds_are_answered_differently(tiny_models):
    samplings = [Sampling(max_new_tokens=20, temperature=1.0, seed=seed) for seed in range(4)]
    found = answers(tiny_models(KINDS[0]), [PROMPTS[0]] * 4, samplings, 4)
    assert len(set(found)) == 4


def test_a_model_that_takes_one_prompt_at_a_time_is_asked_one_by_one():
    model = ScriptedModel(["one", "two"])
    assert answers(model, ["a", "b"], [Sampling()] * 2, 8) == ["one", "two"]


def test_prompts_that_cannot_be_read_together_are_refused(tiny_models):
    import torch

    model = tiny_models(KINDS[0])
    vectors = [Text("a"), Vectors(torch.zeros(1, model.hidden_size))]
    with pytest.raises(ModelError, match="one by one"):
        answers(model, [vectors, "a"], [Sampling()] * 2, 2)
    with pytest.raises(ModelError, match="empty"):
        answers(model, ["", "a"], [Sampling()] * 2, 2)
    assert answers(model, [], [], 2) == []
