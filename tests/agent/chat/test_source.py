"""Old turns as a source: what is remembered of them, and at which level of detail."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megacontext.agent.chat.conversation import Conversation
from megacontext.agent.chat.events import Measures
from megacontext.agent.chat.sessions.export import as_json, as_markdown
from megacontext.agent.chat.sessions.source import LONGEST_RESULT, SessionSource, document, path_of
from megacontext.memory.focus import FocusQuery
from megacontext.models.base import Message, ToolCall
from megacontext.models.language.scripted import ByteTokenizer
from megacontext.models.language.tokenizing import EstimatedCounter


def talk(conversation: Conversation, text: str, answer: str, result: str = "x = 1") -> None:
    conversation.begin(text)
    calls = conversation.numbered([ToolCall("", "read", '{"path": "a.py"}')])
    conversation.add(Message("assistant", "I look.", calls))
    conversation.add(Message("tool", result, call_id=calls[0].id))
    conversation.add(Message("assistant", answer))
    conversation.end("done", "", Measures())


@pytest.fixture
def conversation() -> Conversation:
    conversation = Conversation("x")
    topics = [
        "the parser of dates",
        "the colours of the theme",
        "retries of the network",
        "the cache on disk",
    ]
    for topic in topics:
        talk(
            conversation,
            f"Tell me about {topic}.\nAll of it.",
            f"What matters of {topic} is long. " * 12,
        )
    return conversation


def test_a_turn_is_a_document_with_a_heading_for_each_thing_done(conversation):
    text = document(conversation.turns[0])
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# Turn 1: Tell me about the parser of dates.",
        "## Answer",
        '## read {"path": "a.py"}',
        "## Answer",
    ]
    assert "\n    x = 1\n" in text and "All of it." in text


def test_a_heading_in_a_result_is_none_of_the_document_and_long_results_are_cut():
    conversation = Conversation("x")
    talk(conversation, "Look.", "Yes.", "# not a heading\n" + "y" * 5000)
    text = document(conversation.current)
    assert "\n    # not a heading\n" in text
    assert len(text) < LONGEST_RESULT + 300


def test_the_turn_that_is_asked_about_is_read_whole_and_others_in_outline(conversation):
    source = SessionSource("x", ByteTokenizer())
    source.take(conversation.turns)
    assert len(source) == 4
    focused = source.focus(FocusQuery("How were retries of the network done?", budget=900))
    assert focused.total_cost <= 900
    best = focused.entries[0]
    assert (best.path, best.level) == (path_of(conversation.turns[2]), 0)
    text = source.render(focused.in_order).text
    assert "What matters of retries of the network" in text
    assert source.is_current(best)
    source.forget(conversation.turns[2:3])
    assert not source.is_current(best)
    again = source.focus(FocusQuery("How were retries of the network done?", budget=900))
    assert path_of(conversation.turns[2]) not in {entry.path for entry in again.entries}
    source.close()


def test_a_turn_that_is_taken_again_takes_the_place_of_the_old_one(conversation):
    source = SessionSource("x", EstimatedCounter())
    source.take(conversation.turns)
    other = Conversation("y")
    talk(other, "Something else about zebras.", "Zebras it is.")
    source.take(other.turns)
    assert len(source) == 4
    focused = source.focus(FocusQuery("zebras", budget=500))
    assert "Zebras it is." in source.render(focused.in_order).text


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=4), st.integers(0, 400))
def test_whatever_was_said_can_be_remembered_within_its_budget(texts, budget):
    conversation = Conversation("x")
    for text in texts:
        talk(conversation, text, text, text)
    source = SessionSource("x", ByteTokenizer())
    source.take(conversation.turns)
    focused = source.focus(FocusQuery("a word", budget=budget))
    shown = source.render(focused.in_order)
    assert focused.total_cost <= budget and shown.stale == ()
    assert ByteTokenizer().count(shown.text) <= budget
    source.close()


# Export


def test_a_conversation_is_exported_for_people_and_for_programs(conversation):
    conversation.facts |= {"model": "coder", "created": 0}
    talk(conversation, "A fence?", "```\ncode\n```", "a ``` b\n````\n")
    conversation.begin("Half.")
    conversation.end("cancelled", "by me", Measures(by_level={0: 3}))
    text = as_markdown(conversation)
    assert text.startswith("# Tell me about the parser of dates.\n") and "· coder ·" in text
    assert text.count("\n## ") == 6 and "*The turn ended: cancelled, by me*" in text
    assert "`````\na ``` b\n````\n`````" in text
    data = json.loads(json.dumps(as_json(conversation)))
    assert [turn["ending"] for turn in data["turns"]] == ["done"] * 5 + ["cancelled"]
    assert data["turns"][-1]["measures"]["by_level"] == {"L0": 3}
    assert data["turns"][0]["messages"][1]["calls"][0]["name"] == "read"
