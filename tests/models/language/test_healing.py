"""The end of a prompt as the beginning of a longer token: taken back, and nothing of it lost."""

import pytest
import torch

from megacontext.models.base import Piece, Sampling, Text, Tokens, Usage
from megacontext.models.choosing.choose import pocket_folder
from megacontext.models.language.loading import load_folder
from megacontext.models.language.together import answers

BEHIND_A_LINE = 'def add(x, y):\n    """Add two numbers."""\n'
IN_A_WORD = "import os\n\n\ndef read_text(path):\n    with open(pa"


@pytest.fixture(scope="module")
def model():
    return load_folder(pocket_folder())


def told(model, prompt, **sampling):
    stops = tuple(sorted(model.specials.known()))
    given = Sampling(max_new_tokens=12, stop_token_ids=stops, **sampling)
    *pieces, usage = model.generate(prompt, given)
    assert isinstance(usage, Usage)
    return "".join(each.text for each in pieces if isinstance(each, Piece)), usage


def test_behind_a_line_end_blanks_follow_that_are_one_token_with_it(model):
    plain, _ = told(model, BEHIND_A_LINE)
    healed, usage = told(model, BEHIND_A_LINE, heal=True)
    assert plain == ""
    assert healed.startswith("    ") and healed.strip()
    assert usage.positions == model.count(BEHIND_A_LINE)


def test_a_word_that_was_begun_goes_on(model):
    assert told(model, IN_A_WORD, heal=True)[0].startswith("th")


@pytest.mark.parametrize("prompt", [BEHIND_A_LINE, IN_A_WORD, IN_A_WORD[:-2], "x = [1, 2"])
def test_the_first_token_is_the_likeliest_of_those_that_begin_like_the_last(model, prompt):
    *before, last = model.encode(prompt)
    allowed = model.tokenizer.beginning_like(last)
    assert last in allowed
    assert all(model.decode([each]).startswith(model.decode([last])) for each in allowed)
    with torch.inference_mode():
        mask = torch.ones(1, len(before), dtype=torch.long)
        logits = model.forward(model.embed(before)[None], mask)[0, -1]
    best = max(allowed, key=lambda each: float(logits[each]))
    healed, _ = told(model, prompt, heal=True)
    assert f"{model.decode([last])}{healed}".startswith(model.decode([best]))


def test_prompts_answered_together_are_healed_each_as_alone(model):
    prompts = [BEHIND_A_LINE, IN_A_WORD, [Text("x = "), Tokens((50, 51))]]
    sampling = Sampling(max_new_tokens=12, heal=True)
    alone = [
        "".join(e.text for e in model.generate(p, sampling) if isinstance(e, Piece))
        for p in prompts
    ]
    assert answers(model, prompts, [sampling] * 3, 3) == alone


def test_what_does_not_end_in_text_stays_as_it_is(model):
    prompt = [Text("x = "), Tokens(tuple(model.encode("[1, 2")))]
    assert told(model, prompt, heal=True)[0] == told(model, prompt)[0]


def test_as_many_tokens_as_asked_for_come_behind_the_prompt(model):
    _, usage = told(model, IN_A_WORD, heal=True)
    assert usage.generated == 12


def test_special_tokens_begin_nothing(model):
    assert model.tokenizer.beginning_like(model.specials.file_sep) == []
    assert model.tokenizer.beginning_like(10**9) == []
