"""Prompts fit, whatever the conversation: what stands in them, and what had to go."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megacontext.agent.chat.conversation import Conversation
from megacontext.agent.chat.events import Measures
from megacontext.agent.chat.layout import Layout
from megacontext.agent.chat.limits import EndedError
from megacontext.agent.chat.page import Block, Page
from megacontext.configs.errors import ModelError
from megacontext.models.base import Message, Text, ToolCall, ToolSpec
from megacontext.models.language.scripted import ScriptedModel

SPECS = (ToolSpec("read", "Read.", {"type": "object", "properties": {}}),)
CONTEXT, ANSWER = 4000, 500
TURNS = st.lists(
    st.tuples(st.integers(0, 600), st.lists(st.integers(0, 900), max_size=5), st.integers(0, 700)),
    min_size=1,
    max_size=8,
)
"""For each turn the sizes of the message, the results of its calls, and the memory before it."""


def model_of(tools: bool = True) -> ScriptedModel:
    return ScriptedModel([], context_length=CONTEXT, tools=tools)


def layout_of(model: ScriptedModel) -> Layout:
    return Layout(model, "You are an agent.", SPECS, ANSWER)


def turn_of(conversation: Conversation, page: Page, asked: int, results: list[int], memory: int):
    turn = conversation.begin("q" * asked)
    if memory:
        page.blocks.append(Block((turn.number, 0), (), (Text("m" * memory),), memory))
    for size in results:
        calls = conversation.numbered([ToolCall("", "read", "{}")])
        conversation.add(Message("assistant", "", calls))
        conversation.add(Message("tool", "r" * size, call_id=calls[0].id))
    return turn


@settings(max_examples=100, deadline=None)
@given(TURNS, st.booleans())
def test_a_prompt_fits_and_is_whole_whatever_was_said(turns, tools):
    model = model_of(tools)
    layout, conversation, page = (
        layout_of(model),
        Conversation("x"),
        Page(2000, model.counter.count),
    )
    gone = 0
    for asked, results, memory in turns:
        turn = turn_of(conversation, page, asked, results, memory)
        gone += len(layout.fit(conversation.turns, page))
        chat = layout.prompt(conversation.turns, page)
        assert model.count(chat) <= CONTEXT - ANSWER
        standing = layout.standing(conversation.turns)
        assert standing[-1] is turn and len(standing) + gone == len(conversation.turns)
        called = [call.id for message in chat.messages for call in message.calls]
        assert called == [m.call_id for m in chat.messages if m.role == "tool"]
        assert [m.role for m in chat.messages if m.role != "tool"][:2] == ["system", "user"]
        sizes = layout.sizes(conversation.turns, page)
        assert sizes.free >= 0
        conversation.add(Message("assistant", "a"))
        conversation.end("done", "", Measures())


@settings(max_examples=30, deadline=None)
@given(TURNS)
def test_a_prompt_begins_as_the_one_before_unless_something_had_to_go(turns):
    model = model_of()
    layout, conversation, page = (
        layout_of(model),
        Conversation("x"),
        Page(2000, model.counter.count),
    )
    before: list = []
    for asked, results, memory in turns:
        turn_of(conversation, page, asked, results, memory)
        blocks, first = len(page.blocks), layout.first
        said = layout.sizes(conversation.turns, page).conversation
        layout.fit(conversation.turns, page)
        went = (
            layout.first != first
            or len(page.blocks) != blocks
            or layout.sizes(conversation.turns, page).conversation != said
        )
        messages = list(layout.prompt(conversation.turns, page).messages)
        if not went:
            assert messages[: len(before)] == before
        conversation.add(Message("assistant", "a"))
        conversation.end("done", "", Measures())
        before = list(layout.prompt(conversation.turns, page).messages)


def test_much_goes_at_a_time_so_that_it_is_seldom():
    model = model_of()
    layout, conversation, page = (
        layout_of(model),
        Conversation("x"),
        Page(2000, model.counter.count),
    )
    gone = []
    for _ in range(40):
        turn_of(conversation, page, 150, [], 0)
        gone.append(len(layout.fit(conversation.turns, page)))
        conversation.add(Message("assistant", "a" * 50))
        conversation.end("done", "", Measures())
    assert 2 <= sum(count > 0 for count in gone) <= 8
    assert min(count for count in gone if count) > 3


def test_a_message_that_fits_in_no_way_ends_the_turn():
    model = model_of()
    layout, conversation, page = (
        layout_of(model),
        Conversation("x"),
        Page(2000, model.counter.count),
    )
    turn_of(conversation, page, CONTEXT, [], 300)
    with pytest.raises(EndedError, match="no longer fits"):
        layout.fit(conversation.turns, page)


def test_a_model_without_room_to_work_in_is_refused():
    with pytest.raises(ModelError, match="leave no room"):
        Layout(ScriptedModel([], context_length=700), "You are an agent.", SPECS, ANSWER)
