"""An answer that is held to names: it always is one of them, whole, whatever the model would rather say."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.models.base import Piece, Sampling
from megacontext.models.language.guiding import NameGuide, TokenTexts

TEXTS = [
    "a",
    "b",
    "ab",
    "ba",
    "abc",
    "c",
    "_",
    ".",
    ".a",
    ".ab",
    "(",
    "a(",
    "ab(",
    "b.",
    " ",
    ") ",
    "()",
]
TOKENS = TokenTexts(dict(enumerate(TEXTS)), [99])
NAMES = st.lists(st.text("abc_", max_size=5), min_size=1, max_size=6)


def written(guide: NameGuide, chance: random.Random) -> str:
    """What a model says that wants nothing in particular, until it is free; its special token ends it."""
    text = ""
    for _ in range(40):
        allowed = guide.allowed()
        if not allowed:
            return text
        token = chance.choice(allowed)
        guide.take(token)
        if token == 99:
            return text
        text += TEXTS[token]
    raise AssertionError("a name has an end")


@given(NAMES, st.integers(0, 1000))
def test_whatever_is_drawn_begins_with_a_whole_name(names: list[str], seed: int) -> None:
    text = written(NameGuide(TOKENS, names), random.Random(seed))
    name = text[: next((i for i, c in enumerate(text) if not (c.isalnum() or c == "_")), len(text))]
    assert name in names


@given(NAMES, st.integers(0, 1000))
def test_what_the_prompt_ends_in_is_said_again_first(names: list[str], seed: int) -> None:
    text = written(NameGuide(TOKENS, names, before="."), random.Random(seed))
    assert text.startswith(".")
    name = text[1:].partition(".")[0].partition("(")[0].partition(" ")[0].partition(")")[0]
    assert name in names


@given(NAMES)
def test_every_name_can_be_said(names: list[str]) -> None:
    for name in names:
        guide = NameGuide(TOKENS, names)
        for char in name:
            token = TEXTS.index(char)
            assert token in guide.allowed()
            guide.take(token)
        assert set(TOKENS.borders) <= set(guide.allowed())


def test_a_name_that_no_token_leads_to_holds_nothing_back() -> None:
    assert NameGuide(TOKENS, ["xyz"]).allowed() == []
    assert NameGuide(TOKENS, []).allowed() == []


def test_a_model_says_one_of_the_names(tiny_models) -> None:
    names = ("alpha", "beta_gamma")
    for heal in (False, True):
        for seed in range(8):
            sampling = Sampling(
                max_new_tokens=40, temperature=1.0, seed=seed, heal=heal, names=names
            )
            text = "".join(
                event.text
                for event in tiny_models("qwen2").generate("import thing\nthing.", sampling)
                if isinstance(event, Piece)
            )
            assert text.startswith(names)


@pytest.mark.parametrize("names", [("a b",), ("a.b",), ("(",)])
def test_what_is_no_name_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="names"):
        Sampling(names=names)
