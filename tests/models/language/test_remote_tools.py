"""Tools of a model behind a server, against a real server on loopback."""

import pytest

from megacontext.configs.errors import RemoteModelError
from megacontext.configs.settings import RemoteSettings
from megacontext.models.base import (
    CallPiece,
    Chat,
    MalformedCall,
    Message,
    ToolCall,
    ToolSpec,
    Usage,
)
from megacontext.models.language.remote import RemoteModel
from tests.models.small_server import answering, call_delta, delta, finished, refusing, running
from tests.patience import PATIENCE_S


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with running() as server:
        yield server


def remote(server, **settings):
    return RemoteModel(
        RemoteSettings(base_url=server.url, model="coder", timeout_s=PATIENCE_S, **settings)
    )


LOOK = ToolSpec(
    "look", "Read a file.", {"type": "object", "properties": {"path": {"type": "string"}}}
)
CALLED = ToolCall("c1", "look", '{"path": "a.py"}')
WITH_TOOLS = Chat(
    (
        Message("system", "be brief"),
        Message("user", "hello"),
        Message("assistant", "I look.", (CALLED,)),
        Message("tool", "x = 1", call_id="c1"),
    ),
    tools=(LOOK,),
)


def test_tools_calls_and_results_are_told_as_the_protocol_has_it(server):
    server.behaviours = [answering(delta("Fine."), finished(), "[DONE]")]
    *_, usage = remote(server).generate(WITH_TOOLS)
    assert usage == Usage(21, 0, 5, "stop")
    [(_, _, body)] = server.requests
    assert body["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "look",
                "description": "Read a file.",
                "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
            },
        }
    ]
    function = {"name": "look", "arguments": '{"path": "a.py"}'}
    assert body["messages"][2:] == [
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "content": "x = 1", "tool_call_id": "c1"},
    ]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (
            [
                call_delta(0, id="c1", name="look", arguments=""),
                call_delta(0, arguments='{"path":'),
                call_delta(0, arguments=' "a.py"}'),
                call_delta(1, id="c2", name="look"),
                call_delta(1, arguments="{}"),
            ],
            [CALLED, ToolCall("c2", "look", "{}")],
        ),
        ([call_delta(None, id="c1", name="look", arguments='{"path": "a.py"}')], [CALLED]),
        (
            [call_delta(0, name="look", arguments={"path": "a.py"})],
            [ToolCall("call-1", "look", '{"path": "a.py"}')],
        ),
        ([call_delta(0, id="c1", name="look")], [ToolCall("c1", "look", "{}")]),
        (
            [
                call_delta(0, id="a", name="look", arguments="{}"),
                call_delta(0, id="b", name="look", arguments="{}"),
            ],
            [ToolCall("a", "look", "{}"), ToolCall("b", "look", "{}")],
        ),
        (
            [call_delta(0, id="c1", name="look", arguments="{path: a.py}")],
            [MalformedCall("look {path: a.py}", "the arguments of look are no JSON object")],
        ),
        ([call_delta(0, arguments="{}")], [MalformedCall("{}", "the call names no tool")]),
        (
            [delta(f'<tool_call>{{"name": "look", "arguments": {CALLED.arguments}}}</tool_call>')],
            [ToolCall("call-1", "look", '{"path": "a.py"}')],
        ),
        ([{"choices": [{"delta": {"tool_calls": ["nonsense", 3]}}]}], []),
    ],
)
def test_calls_are_put_together_from_whatever_parts_a_server_streams(server, events, expected):
    server.behaviours = [answering(delta("So. "), *events, finished("tool_calls"), "[DONE]")]
    piece, *rest, usage = remote(server).generate(WITH_TOOLS)
    calls = [event for event in rest if not isinstance(event, CallPiece)]
    assert (piece.text, calls, usage.stop_reason) == ("So. ", expected, "stop")


def test_a_call_that_the_length_cut_off_says_so(server):
    events = [call_delta(0, id="c1", name="look", arguments='{"pa'), finished("length")]
    server.behaviours = [answering(*events)]
    watched, call, usage = remote(server).generate(WITH_TOOLS)
    assert watched == CallPiece('look{"pa')
    assert isinstance(call, MalformedCall) and "limit" in call.reason
    assert usage.stop_reason == "length"


def test_a_connection_cut_inside_a_call_is_an_error_and_no_call(server):
    server.behaviours = [answering(call_delta(0, id="c1", name="look", arguments="{}"))]
    with pytest.raises(RemoteModelError, match="cut its answer short"):
        list(remote(server).generate(WITH_TOOLS))


def test_a_server_without_tools_is_told_in_words(server):
    text = 'So.\n<tool_call>\n{"name": "look", "arguments": {"path": "a.py"}}\n</tool_call>'
    server.behaviours = [answering(delta(text), finished(), "[DONE]")]
    model = remote(server, tools="words")
    assert not model.supports_tools
    piece, call, _ = model.generate(WITH_TOOLS)
    assert (piece.text, call.name) == ("So.\n", "look")
    [(_, _, body)] = server.requests
    assert "tools" not in body
    assert [message["role"] for message in body["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
    ]
    assert '"name": "look"' in body["messages"][0]["content"]
    assert not any("tool_calls" in message for message in body["messages"])


def test_a_server_that_refuses_tools_is_quoted(server):
    server.behaviours = [refusing(400, {"error": {"message": "coder does not support tools"}})]
    with pytest.raises(RemoteModelError, match=r"coder does not support tools.*model.remote.tools"):
        list(remote(server).generate(WITH_TOOLS))


def test_tools_and_calls_are_counted(server):
    model = remote(server)
    without = Chat(WITH_TOOLS.messages[:2])
    assert model.count(WITH_TOOLS) > model.count(without) + 60
