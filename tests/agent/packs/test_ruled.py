"""Rules beside a repository: what of its packs surfaces in which context, judged when it is rendered."""

import pytest

from megacontext.configs.errors import SettingsError
from megacontext.memory.focus import FocusQuery

from .test_beside import QUAY, QUESTION, sources


def test_a_rule_keeps_a_pack_out_of_one_context(mount_pack, engine_with):
    mount_pack(licence="GPL-3.0-only")
    engine = engine_with(packs__deny=["mcp(licence=GPL*)"])
    composed, rendering = engine.focus_and_read(FocusQuery(QUESTION), context="mcp")
    assert sources(composed) == ["repository"]
    assert "hawser" not in rendering.text
    [kept] = composed.kept_out
    assert (kept.place, kept.rule) == ("harbour@1.0", "packs.deny: mcp(licence=GPL*)")
    composed, _ = engine.focus_and_read(FocusQuery(QUESTION), context="ask")
    assert sources(composed) == ["harbour@1.0", "repository"]
    assert composed.kept_out == ()


def test_a_rule_keeps_files_out_and_says_what_they_would_have_scored(mount_pack, engine_with):
    mount_pack()
    engine = engine_with(packs__deny=["*(path=docs/**)"])
    composed, rendering = engine.focus_and_read(FocusQuery(QUESTION))
    assert "slackened" not in rendering.text
    assert QUAY in rendering.text
    [kept] = composed.kept_out
    assert kept.place == "harbour@1.0/docs/tides.md"
    assert kept.score > 0


def test_rules_hold_at_the_moment_of_rendering(mount_pack, engine_with):
    """An entry that was chosen under other rules is not rendered."""
    mount_pack()
    free = engine_with()
    entries = free.focus_and_read(FocusQuery(QUESTION))[0].parts[0].focused.in_order
    [entry] = [entry for entry in entries if entry.path == QUAY and entry.level == 0]
    rules = free.settings.packs.model_copy(update={"deny": (f"*(path={entry.node.path})",)})
    strict = free.beside(free.settings.model_copy(update={"packs": rules}))
    source = strict.focus_and_read(FocusQuery(QUESTION))[0].parts[0].source
    assert source.name == "harbour@1.0"
    assert QUAY not in {item.entry.path for item in source.render(entries).shown}
    assert not source.is_current(entry)


def test_allow_lets_only_what_it_names_in(mount_pack, engine_with):
    mount_pack()
    engine = engine_with(packs__allow=["ask(source=harbour, path=docs/**)"])
    composed, _ = engine.focus_and_read(FocusQuery(QUESTION))
    paths = {entry.path for entry in composed.parts[0].focused.entries}
    assert paths == {"harbour@1.0/docs/tides.md"}


def test_a_rule_that_is_none_is_an_error_of_settings(mount_pack, engine_with):
    mount_pack()
    with pytest.raises(SettingsError, match=r"packs\.deny"):
        engine_with(packs__deny=["nonsense"]).focus_and_read(FocusQuery(QUESTION))
