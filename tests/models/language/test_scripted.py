"""The scripted model behaves as a model does."""

import threading

import pytest
import torch

from megacontext.configs.errors import ModelError
from megacontext.models.base import (
    Chat,
    Fill,
    Message,
    Piece,
    Sampling,
    Special,
    Text,
    Tokens,
    Usage,
    Vectors,
)
from megacontext.models.language.scripted import ScriptedModel
from tests.patience import held


def ask(model, prompt, **sampling):
    *pieces, usage = model.generate(prompt, Sampling(**{"max_new_tokens": 999, **sampling}))
    assert all(isinstance(piece, Piece) for piece in pieces)
    return "".join(piece.text for piece in pieces), usage


def test_replies_come_in_order_and_prompts_are_recorded():
    model = ScriptedModel(["one", "zwölf ✓"])
    assert ask(model, "first")[0] == "one"
    assert ask(model, "second")[0] == "zwölf ✓"
    assert model.texts == ["first", "second"]
    with pytest.raises(ModelError, match="2 replies"):
        ask(model, "third")


def test_a_function_sees_the_prompt_as_text():
    model = ScriptedModel(str.upper)
    chat = Chat((Message("system", "be brief"), Message("user", [Text("a"), Tokens((98,))])))
    assert ask(model, chat)[0] == "SYSTEM: BE BRIEF\nUSER: AB\nASSISTANT: "
    fill = Fill("x", "y", context=(Special("file_sep"), Vectors(torch.zeros(3, 8))))
    expected = "<|file_sep|>[3 vectors]<|fim_prefix|>x<|fim_suffix|>y<|fim_middle|>"
    assert ask(model, fill)[0] == expected.upper()
    assert model.count(fill) == 1 + 3 + 5


def test_it_counts_reuse_as_a_cache_would():
    model = ScriptedModel(lambda _: "out")
    assert ask(model, "abc")[1] == Usage(3, 0, 3, "stop")
    assert ask(model, "abcoutd")[1] == Usage(7, 6, 3, "stop")
    assert ask(model, "abX")[1] == Usage(3, 2, 3, "stop")
    assert ask(model, "abX")[1] == Usage(3, 2, 3, "stop")


def test_length_and_stop_strings():
    model = ScriptedModel(lambda _: "one\ntwo")
    assert ask(model, "p", max_new_tokens=2) == ("on", Usage(1, 0, 2, "length"))
    assert ask(model, "p", stop=("\nt",)) == ("one", Usage(1, 0, 5, "stop"))
    assert ask(model, "p", max_new_tokens=7)[1].stop_reason == "stop"


def test_cancelling_stops_it():
    cancel = threading.Event()
    stream = ScriptedModel(["long answer"]).generate("p", None, cancel)
    assert next(stream) == Piece("l", (108,), (0.0,))
    cancel.set()
    assert list(stream) == [Usage(1, 0, 1, "cancelled")]


def test_a_reply_in_parts_is_told_as_they_come_and_can_be_cancelled_between_two():
    model = ScriptedModel([iter(["one ", "", "two"]), held("one")])
    assert ask(model, "p") == ("one two", Usage(1, 0, 7, "stop"))
    cancel, pieces = threading.Event(), []
    for event in model.generate("p", None, cancel):
        pieces.append(event)
        if sum(isinstance(piece, Piece) for piece in pieces) == 3:
            cancel.set()
    assert pieces[-1] == Usage(1, 0, 3, "cancelled")


@pytest.mark.parametrize(
    ("prompt", "words"),
    [("", "empty"), ("x" * 20, "20 positions"), (Chat(()), "conversation"), (Fill("", ""), "fill")],
)
def test_what_it_cannot_take_is_refused(prompt, words):
    model = ScriptedModel(["a"], context_length=20, chat=False, fim=False)
    with pytest.raises(ModelError, match=words):
        ask(model, prompt)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_new_tokens": 0},
        {"temperature": -1},
        {"temperature": float("nan")},
        {"top_p": 0},
        {"top_k": -1},
        {"stop": ("",)},
    ],
)
def test_sampling_names_the_wrong_value(wrong):
    with pytest.raises(ValueError, match=f"sampling.{next(iter(wrong))} is .* must be"):
        Sampling(**wrong)
