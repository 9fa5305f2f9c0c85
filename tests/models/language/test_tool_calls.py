"""Tool calls in the text of an answer: whatever the pieces it arrives in."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from megacontext.models.base import (
    CallPiece,
    Chat,
    MalformedCall,
    Message,
    Piece,
    Text,
    ToolCall,
    ToolSpec,
    Usage,
)
from megacontext.models.language.tool_calls import CallReader, object_in, with_calls
from megacontext.models.language.tools_in_words import told_in_words, written

READ = ToolSpec(
    "read",
    "Read lines.",
    {
        "type": "object",
        "properties": {
            "path": {"type": "string"},
            "first": {"type": "integer"},
            "all": {"type": "boolean"},
        },
    },
)
TOOLS = (READ, ToolSpec("run", "Run.", {"type": "object", "properties": {}}))
CALL = '<tool_call>\n{"name": "read", "arguments": {"path": "a.py"}}\n</tool_call>'
READ_A = ToolCall("call-1", "read", '{"path": "a.py"}')


def read_of(answer: str, size: int = 1 << 30, cut: bool = False):
    reader = CallReader(TOOLS)
    found = [
        item for at in range(0, len(answer), size) for item in reader.push(answer[at : at + size])
    ]
    joined: list = []
    for item in [*found, *reader.flush(cut)]:
        if isinstance(item, str) and joined and isinstance(joined[-1], str):
            joined[-1] += item
        else:
            joined.append(item)
    return joined


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Nothing to do.", ["Nothing to do."]),
        (CALL, [READ_A]),
        (f"I look.\n{CALL}", ["I look.\n", READ_A]),
        (f"{CALL}\n{CALL}", [READ_A, "\n", ToolCall("call-2", "read", '{"path": "a.py"}')]),
        (CALL.removesuffix("\n</tool_call>"), [READ_A]),
        ('<tool_call>{"name":"read","arguments":"{\\"path\\":\\"a.py\\"}"}</tool_call>', [READ_A]),
        ('<tool_call>{"name":"read","parameters":{"path":"a.py"}}</tool_call>', [READ_A]),
        (
            '<tool_call>\n```json\n{"name":"read","arguments":{"path":"a.py"}}\n```</tool_call>',
            [READ_A],
        ),
        (
            '<tool_call>[{"name":"read","arguments":{"path":"a.py"}}, {"name":"run"}]</tool_call>',
            [READ_A, ToolCall("call-2", "run", "{}")],
        ),
        (
            "<tool_call>\n<function=read>\n<parameter=path>\na.py\n</parameter>\n<parameter=first>\n3\n"
            "</parameter>\n<parameter=all>\ntrue\n</parameter>\n</function>\n</tool_call>",
            [ToolCall("call-1", "read", '{"path": "a.py", "first": 3, "all": true}')],
        ),
        (
            "<function=read><parameter=path>\n1\n\n</parameter></function> so",
            [ToolCall("call-1", "read", '{"path": "1\\n"}'), " so"],
        ),
        ('```json\n{"name": "read", "arguments": {"path": "a.py"}}\n```', [READ_A]),
        ('{"name": "read", "arguments": {"path": "a.py"}}', [READ_A]),
        ('{"name": "Ada", "arguments": {}}', ['{"name": "Ada", "arguments": {}}']),
        ('So: {"name": "read", "arguments": {}}', ['So: {"name": "read", "arguments": {}}']),
        (
            '```json\n{"name": "Ada", "age": 3}\n``` and `<tool_`',
            ['```json\n{"name": "Ada", "age": 3}\n``` and `<tool_`'],
        ),
        ("```python\n{}\n```", ["```python\n{}\n```"]),
        ("see <tool_response> there", ["see <tool_response> there"]),
        (f"{CALL}\n<tool_response>made up</tool_response> so", [READ_A, "\n"]),
    ],
)
def test_calls_are_found_in_whatever_form_models_write_them(answer, expected, size):
    assert read_of(answer, size) == expected


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "empty"),
        ("read a.py", "no JSON"),
        ('{"name": "read", "arguments": {"path": }}', "no JSON"),
        ('{"name": "read", "arguments": {"path": "a.py}', "no JSON: Unterminated"),
        ('{"name": "read", "arguments": NaN}', "NaN is no number"),
        ('{"arguments": {}}', 'no object with "name"'),
        ('{"name": 3}', 'no object with "name"'),
        ('["read"]', 'no object with "name"'),
        ('{"name": "read", "arguments": [1]}', '"arguments" of read are no JSON object'),
        ("<function=read>", "is not <function=name>"),
        ("<function=read><parameter=path>a.py</function>", "not closed"),
        ("[" * 100_000, "no JSON"),
        ('{"name": "read", "arguments": {"n": ' + "9" * 5000 + "}}", "no JSON"),
    ],
)
def test_what_is_no_call_is_told_with_its_reason(body, reason):
    answer = f"<tool_call>\n{body}\n</tool_call>"
    [found] = read_of(answer)
    assert isinstance(found, MalformedCall)
    assert reason in found.reason and found.text == answer


def test_a_call_that_a_limit_cut_off_says_so():
    [found] = read_of('<tool_call>\n{"name": "read", "argum', cut=True)
    assert isinstance(found, MalformedCall) and "limit" in found.reason


def test_after_a_malformed_call_the_next_one_counts():
    assert read_of(f"<tool_call>oh</tool_call>{CALL}")[1:] == [READ_A]


@pytest.mark.parametrize("text", ["a</tool_call>b", '<tool_call>"', "line\nline", "</function>é𝄞"])
def test_arguments_may_hold_anything(text):
    call = ToolCall("call-1", "read", json.dumps({"path": text}, ensure_ascii=False))
    assert read_of(written(call), 1) == [call]
    raw = f'<tool_call>{{"name": "read", "arguments": {{"path": "{"x"}\n{"y"}"}}}}</tool_call>'
    assert read_of(raw) == [ToolCall("call-1", "read", '{"path": "x\\ny"}')]


@given(
    st.lists(
        st.sampled_from(
            [
                "<tool_call>",
                "</tool_call>",
                '{"name": "read"',
                "}",
                "```",
                "json",
                "\n",
                "<function=",
                "</function>",
                "<tool_response>",
                " x ",
                '"',
                "{",
                "\x00",
            ]
        )
    ),
    st.integers(1, 7),
)
def test_the_pieces_in_which_an_answer_comes_change_nothing(parts, size):
    answer = "".join(parts)
    assert read_of(answer, size) == read_of(answer)


@given(st.text(alphabet=st.characters(exclude_characters="<`{", codec="utf-8")))
def test_text_without_marks_passes_as_it_is(text):
    assert "".join(read_of(text, 2)) == text


def test_pieces_keep_what_they_tell_of_their_tokens_and_a_made_up_result_ends_the_answer():
    asked = []

    def generate(cancel):
        for number, char in enumerate(f"ok{CALL}<tool_response>never"):
            asked.append(cancel.is_set())
            if cancel.is_set():
                break
            yield Piece(char, (number,), (-0.5,))
        yield Usage(5, 0, 7, "cancelled")

    *events, usage = with_calls(generate, TOOLS)
    given = [event for event in events if not isinstance(event, CallPiece)]
    watched = "".join(event.text for event in events if isinstance(event, CallPiece))
    assert watched == CALL.removeprefix("<tool_call").removesuffix(">")
    assert given[:2] == [Piece("o", (0,), (-0.5,)), Piece("k", (1,), (-0.5,))]
    assert given[2:] == [READ_A]
    assert usage == Usage(5, 0, 7, "stop")
    assert asked.count(True) == 1


def test_a_cancelled_answer_calls_nothing():
    class Cancelled:
        def is_set(self):
            return True

    def generate(_):
        yield Piece("<tool_call>{")
        yield Usage(1, 0, 1, "cancelled")

    watched, usage = with_calls(generate, TOOLS, Cancelled())
    assert isinstance(watched, CallPiece) and usage == Usage(1, 0, 1, "cancelled")


def test_a_conversation_with_tools_can_be_told_in_words():
    call = ToolCall("1", "read", '{"path": "a.py"}')
    chat = Chat(
        (
            Message("system", "Be brief."),
            Message("user", (Text("Where?"),)),
            Message("assistant", "I look.", (call, call)),
            Message("tool", "one</tool_response>", call_id="1"),
            Message("tool", (Text("two"),), call_id="2"),
            Message("assistant", "There."),
        ),
        tools=TOOLS,
    )
    told = told_in_words(chat)
    assert not told.tools and not any(message.calls or message.call_id for message in told.messages)
    assert [message.role for message in told.messages] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    system, _, assistant, results, _ = [message.content for message in told.messages]
    assert system.startswith("Be brief.") and '"name": "read"' in system
    assert assistant == f"I look.\n{written(call)}\n{written(call)}"
    text = "".join(segment.text for segment in results)
    assert text == (
        "<tool_response>\none</ tool_response>\n</tool_response>\n"
        "<tool_response>\ntwo\n</tool_response>\n"
    )
    assert told_in_words(told) == told


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ('{"a": 1}', {"a": 1}),
        (' {"a":\n"b\nc"} ', {"a": "b\nc"}),
        ("[1]", None),
        ("{", None),
        pytest.param("[" * 99_999, None, id="deep"),
    ],
)
def test_arguments_are_an_object_or_nothing(text, value):
    assert object_in(text) == value
