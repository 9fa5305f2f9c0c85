"""Rules of settings: what of a pack may surface in which context."""

import pytest

from megacontext.agent.packs.policy import CONTEXTS, Policy, Subject, read_rule
from megacontext.configs.errors import SettingsError
from megacontext.configs.loading import default_settings
from megacontext.memory.packs.manifest import Counts, Manifest


def manifest(**said: str) -> Manifest:
    counts = Counts(files=1, chunks=1, symbols=0, bytes=1)
    named = {"name": "torch", "version": "2.13.0", "origin": "x", "licence": "BSD-3-Clause"} | said
    return Manifest(format=1, root="00" * 16, counts=counts, trees=(), members={}, **named)


def policy(deny: tuple[str, ...] = (), allow: tuple[str, ...] = ()) -> Policy:
    settings = default_settings().packs
    return Policy.of(settings.model_copy(update={"deny": deny, "allow": allow}))


def subject(path: str | None = "torch/nn/linear.py", *, trust=0.9, signed=True, **said) -> Subject:
    return Subject(manifest(**said), signed, path, trust)


def test_without_rules_everything_surfaces():
    assert all(policy().refusal(context, subject()) == "" for context in CONTEXTS)


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        ("*", True),
        ("complete", True),
        ("chat", False),
        ("complete(source=torch)", True),
        ("complete(source=torch@2.*)", True),
        ("complete(source=torch@3.*)", False),
        ("complete(licence=bsd*)", True),
        ("complete(licence=GPL*)", False),
        ("complete(path=torch/nn/**)", True),
        ("complete(path=tests/**)", False),
        ("complete(path=*.py)", True),
        ("*(trust<0.95)", True),
        ("*(trust<0.9)", False),
        ("*(signed=yes)", True),
        ("*(signed=no)", False),
        ("complete(source=torch, path=torch/nn/**, trust<1)", True),
        ("complete(source=torch, path=tests/**)", False),
    ],
)
def test_a_rule_denies_what_all_its_facts_fit(rule, fits):
    reason = policy(deny=(rule,)).refusal("complete", subject())
    assert reason == (f"packs.deny: {rule}" if fits else "")


def test_any_name_in_a_licence_counts():
    rules = policy(deny=("*(licence=GPL*)",))
    assert rules.refusal("ask", subject(licence="MIT OR GPL-3.0-only"))
    assert not rules.refusal("ask", subject(licence="MIT OR LGPL-3.0-only"))


def test_where_a_context_has_rules_only_what_they_fit_surfaces():
    rules = policy(allow=("complete(licence=MIT)", "complete(source=torch)"))
    assert not rules.refusal("complete", subject())
    assert not rules.refusal("complete", subject(name="other", licence="MIT"))
    assert "none fits" in rules.refusal("complete", subject(name="other", licence="GPL-3.0-only"))
    assert not rules.refusal("chat", subject(name="other", licence="GPL-3.0-only"))


def test_deny_wins_over_allow():
    rules = policy(allow=("ask(source=torch)",), deny=("ask(path=torch/testing/**)",))
    assert not rules.refusal("ask", subject())
    assert rules.refusal("ask", subject("torch/testing/x.py"))


def test_of_a_whole_pack_only_what_holds_of_all_its_files_is_told():
    assert not policy(deny=("*(path=torch/**)",)).refusal("ask", subject(None))
    assert not policy(deny=("*(trust<1)",)).refusal("ask", subject(None))
    assert policy(deny=("*(source=torch)",)).refusal("ask", subject(None))
    assert not policy(allow=("*(source=torch, path=x)",)).refusal("ask", subject(None))
    assert policy(allow=("*(source=x, path=x)",)).refusal("ask", subject(None))


def test_whether_files_are_judged_apart():
    assert policy(deny=("ask(path=x)",)).judges_files("ask")
    assert not policy(deny=("ask(path=x)",)).judges_files("chat")
    assert policy(allow=("*(trust<0.5)",)).judges_files("mcp")
    assert not policy(deny=("*(source=x)",)).judges_files("ask")


@pytest.mark.parametrize(
    "text",
    ["", "nowhere", "ask(", "ask(colour=red)", "ask(source)", "ask(signed=maybe)", "ask(trust<x)",
     "ask(trust>0.5)", "ask(path=x", "ASK", "ask (source=x)"],
)  # fmt: skip
def test_a_rule_that_is_none_names_the_key_and_what_to_write(text):
    with pytest.raises(SettingsError, match=r"packs\.deny holds .*CONTEXT\(FACT"):
        read_rule(text, "packs.deny")
