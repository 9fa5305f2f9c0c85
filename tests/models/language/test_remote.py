"""The remote model against a real server on loopback, well-behaved and not."""

import gc
import socket
import threading
import time
from contextlib import suppress
from email.utils import formatdate

import httpx
import pytest
import torch
from httpx import AsyncClient

from megacontext.configs.errors import ModelError, ModelFilesError, RemoteModelError
from megacontext.configs.settings import RemoteSettings
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
from megacontext.models.language.remote import RemoteModel
from tests.models.small_server import answering, delta, finished, refusing, running
from tests.patience import PATIENCE_S

KEY = "sk-very-secret-0123456789"
HELLO = Chat((Message("system", "be brief"), Message("user", "hello")))


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEST_API_KEY", KEY)
    with running() as server:
        yield server


@pytest.fixture
def ask(server):
    def ask(prompt=HELLO, *, fill="none", cancel=None, timeout_s=PATIENCE_S, **sampling):
        *pieces, usage = remote(server, fill, timeout_s).generate(
            prompt, Sampling(**sampling), cancel
        )
        assert all(isinstance(piece, Piece) and piece.text for piece in pieces)
        assert isinstance(usage, Usage)
        return "".join(piece.text for piece in pieces), usage

    return ask


def remote(server, fill="none", timeout_s=PATIENCE_S, **settings):
    url = {"base_url": server.url, "model": "coder", "api_key_env": "TEST_API_KEY"}
    return RemoteModel(RemoteSettings(**{**url, "timeout_s": timeout_s, "fill": fill, **settings}))


def test_a_chat_streams_and_tells_its_usage(server, ask):
    server.behaviours = [answering(*_fine_events())]
    assert ask(max_new_tokens=7, temperature=0.5, top_p=0.9, top_k=20, seed=3, stop=("x", "y")) == (
        "Hello wörld",
        Usage(21, 16, 5, "stop"),
    )
    path, headers, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "coder",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hello"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 7,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 20,
        "seed": 3,
        "stop": ["x", "y"],
    }


def _fine_events():
    usage = {"prompt_tokens": 21, "completion_tokens": 5}
    return [
        {"choices": [{"delta": {"role": "assistant"}}]},
        delta("Hel"),
        delta("lo "),
        delta("wörld", finish_reason="stop"),
        {"choices": [], "usage": {**usage, "prompt_tokens_details": {"cached_tokens": 16}}},
        "[DONE]",
    ]


def test_an_answer_that_ends_leaves_nothing_behind_to_complain_of(server, caplog):
    server.behaviours = [answering(*_fine_events())]
    list(remote(server).generate(HELLO))
    gc.collect()
    assert caplog.records == []


def test_without_a_key_none_is_sent(server):
    server.behaviours = [answering(*_fine_events())]
    list(remote(server, api_key_env=None).generate(HELLO))
    assert "authorization" not in server.requests[0][1]


def test_a_server_that_tells_no_usage_is_estimated(server, ask):
    server.behaviours = [answering(delta("ab", finish_reason="length"))]
    text, usage = ask()
    assert (text, usage.stop_reason, usage.reused) == ("ab", "length", 0)
    assert usage.positions == remote(server).count(HELLO) >= 5
    assert usage.generated == 1


def test_stop_strings_are_found_here_too_and_end_the_request(server, ask):
    def behave(handler):
        handler.head()
        handler.send(delta("one\nEN"), delta("D two"))
        handler.wait_until_closed()

    server.behaviours = [behave]
    stops = ("1", "2", "3", "4", "\nEND")
    text, usage = ask(stop=stops)
    assert (text, usage.stop_reason) == ("one", "stop")
    assert server.requests[0][2]["stop"] == list(stops[:4])
    assert server.closed_by_client.wait(PATIENCE_S)


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        (
            "tokens",
            {
                "prompt": "<|file_sep|>a.py\n<| fim_middle |><|fim_prefix|>x = "
                "<|fim_suffix|>\n<|fim_middle|>"
            },
        ),
        ("suffix", {"prompt": "<|file_sep|>a.py\n<|fim_middle|>x = ", "suffix": "\n"}),
    ],
)
def test_filling_in_uses_tokens_or_the_suffix(server, ask, fill, expected):
    server.behaviours = [answering({"choices": [{"text": "1", "finish_reason": "stop"}]}, "[DONE]")]
    context = (Special("file_sep"), Text("a.py\n<|fim_middle|>"))
    assert ask(Fill("x = ", "\n", context), fill=fill)[0] == "1"
    path, _, body = server.requests[0]
    assert path == "/v1/completions"
    assert {key: body[key] for key in ("prompt", "suffix") if key in body} == expected


@pytest.mark.parametrize(
    "prompt", [Fill("a", "b"), [Tokens((1,))], [Vectors(torch.zeros(1, 4))]], ids=str
)
def test_what_a_server_cannot_take_is_refused_before_asking(server, ask, prompt):
    with pytest.raises(ModelError, match="coder cannot take"):
        ask(prompt)
    assert server.requests == []


@pytest.mark.parametrize("when", ["before any event", "between events"])
def test_cancelling_closes_the_connection_at_once(server, ask, when):
    def behave(handler):
        if when == "between events":
            handler.head()
            handler.send(delta("a"))
        handler.wait_until_closed()

    server.behaviours = [behave]
    cancel = threading.Event()
    canceller = threading.Thread(target=lambda: server.waiting.wait() and cancel.set())
    canceller.start()
    # Pytest would not wait for a client that waits for the server.
    _, usage = ask(cancel=cancel, timeout_s=3600)
    canceller.join()
    assert usage.stop_reason == "cancelled"
    assert server.closed_by_client.wait(PATIENCE_S)


def test_closing_the_stream_closes_the_connection(server):
    def behave(handler):
        handler.head()
        handler.send(delta("a"))
        handler.wait_until_closed()

    server.behaviours = [behave]
    stream = remote(server).generate(HELLO)
    assert next(stream) == Piece("a")
    stream.close()
    assert server.closed_by_client.wait(PATIENCE_S)


def endless(**part):
    """A server that knows no limit."""

    def behave(handler):
        handler.head()
        with suppress(OSError):
            while True:
                handler.send({"choices": [{"delta": part}]})

    return behave


WRITING = {"index": 0, "id": "c", "function": {"name": "w", "arguments": "blah "}}


@pytest.mark.parametrize(
    "part", [{"content": "blah "}, {"reasoning_content": "hm "}, {"tool_calls": [WRITING]}]
)
def test_an_answer_that_goes_on_for_ever_is_ended(server, part):
    server.behaviours = [endless(**part)]
    *_, usage = remote(server).generate(HELLO, Sampling(max_new_tokens=40))
    assert usage.stop_reason == "length"


def test_an_answer_within_its_limit_is_whole_in_whatever_parts_it_comes(server, ask):
    text = "def word_for(language):\n" * 8
    server.behaviours = [answering(*map(delta, text), finished())]
    assert ask(max_new_tokens=50)[0] == text
    server.behaviours = [answering(*[delta("  " * 20)] * 50, finished())]
    assert ask(max_new_tokens=50)[0] == "  " * 20 * 50


def cut(handler):
    handler.head(content_length=10_000)
    handler.send(delta("a"))
    handler.connection.shutdown(socket.SHUT_RDWR)


def silent(handler):
    handler.head()
    handler.send(delta("a"))
    handler.wait_until_closed()


BAD = {
    "wrong key": (
        refusing(401, {"error": {"message": f"Incorrect API key provided: {KEY}."}}),
        r"answered 401 \(Incorrect API key provided: \*\*\*\.\); set the environment variable",
    ),
    "wrong address": (refusing(404, "no such page"), r"404 \(no such page\); check model\.remote"),
    "unknown model": (
        refusing(404, {"error": "model 'coder' not found"}),
        r"404 \(model 'coder' not found\); check",
    ),
    "too long": (
        refusing(400, {"object": "error", "message": "maximum context length is 4096"}),
        r"400 \(maximum context length is 4096\); lower the budget",
    ),
    "always busy": (refusing(429, "", retry_after=0), r"answered 429; wait a while"),
    "broken": (refusing(500, "<html>" + "x" * 9000), r"500 \(<html>x+\); look at the server's"),
    "moved": (refusing(301, "", location="http://elsewhere.invalid"), r"answered 301; check"),
    "error within the stream": (
        answering(delta("a"), {"error": {"message": "out of memory"}}),
        r"broke off with an error: out of memory",
    ),
    "no json": (answering("{not json"), r"sent an event that is no JSON: '\{not json'"),
    "no object": (answering("[1]"), r"sent an event that is no object"),
    "no events": (refusing(200, "<html>hello</html>"), r"answered without any event; check"),
    "ended too early": (answering(delta("a")), r"cut its answer short; ask again"),
    "cut connection": (cut, r"cut the connection before the answer was complete; ask again"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_fault_names_the_server_and_the_mend_and_never_the_key(server, ask, fault):
    behaviour, words = BAD[fault]
    server.behaviours = [behaviour]
    with pytest.raises(RemoteModelError, match=words) as caught:
        ask()
    chain, error = [], caught.value
    while error:
        chain.append(f"{error!r} {error}")
        error = error.__cause__ or error.__context__
    assert KEY not in " ".join(chain)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_silent_server_is_told_from_one_that_is_not_there(server, ask, monkeypatch):
    def hears_soon(*, timeout):
        # On a busy machine even a connection can take longer than this server may be silent.
        return AsyncClient(timeout=httpx.Timeout(PATIENCE_S, read=timeout))

    monkeypatch.setattr(httpx, "AsyncClient", hears_soon)
    server.behaviours = [silent]
    with pytest.raises(RemoteModelError, match=r"said nothing for 0\.2 s; raise model\.remote\."):
        ask(timeout_s=0.2)


@pytest.mark.parametrize("retry_after", ["0", "-5", "soon", "nan", None])
def test_a_busy_server_is_asked_again(server, ask, retry_after, monkeypatch):
    monkeypatch.setattr("megacontext.models.language.server_stream._DEFAULT_WAIT_S", 0.01)
    headers = {"retry_after": retry_after} if retry_after else {}
    server.behaviours = [refusing(429, **headers), refusing(503), answering(*_fine_events())]
    assert ask()[0] == "Hello wörld"
    assert len(server.requests) == 3


def test_a_wait_for_a_busy_server_can_be_cancelled(server, ask):
    cancel = threading.Event()
    refuse = refusing(429, retry_after=formatdate(time.time() + 3600, usegmt=True))

    def refuse_and_cancel(handler):
        refuse(handler)
        cancel.set()

    server.behaviours = [refuse_and_cancel]
    assert ask(cancel=cancel)[1].stop_reason == "cancelled"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9/v1", r"http://127\.0\.0\.1:9/v1/chat/completions cannot be reached"),
        ("http://user:hunter2@127.0.0.1:9", r"server http://127\.0\.0\.1:9/chat/completions cann"),
        ("http://127.0.0.1:99999", r"is no address|cannot be reached"),
    ],
)
def test_an_unreachable_server_is_named_without_its_password(server, url, words):
    model = remote(server, base_url=url)
    with pytest.raises(RemoteModelError, match=words) as caught:
        list(model.generate(HELLO))
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(model)


def test_the_key_is_in_no_repr(server):
    model = remote(server)
    assert KEY not in repr(model)
    assert "coder" in repr(model)


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_key_names_the_variable(server, monkeypatch, value):
    monkeypatch.delenv("TEST_API_KEY")
    if value is not None:
        monkeypatch.setenv("TEST_API_KEY", value)
    with pytest.raises(RemoteModelError, match="TEST_API_KEY is not set; put the API key into it"):
        remote(server)


def test_nonsense_in_events_adds_nothing(server, ask):
    odd = [
        {"choices": "none"},
        {"choices": [None]},
        {"choices": [{"delta": [], "text": 7}]},
        {"choices": [{"delta": {"content": None}}], "usage": {"prompt_tokens": -1}},
        {"usage": {"completion_tokens": True, "prompt_tokens_details": 3}},
        delta("ok", finish_reason="stop"),
    ]
    server.behaviours = [answering(*odd)]
    assert ask()[0] == "ok"


def test_counting_with_and_without_a_tokenizer(server, tokenizer, tokenizer_json, tmp_path):
    file = tmp_path / "tokenizer.json"
    file.write_bytes(tokenizer_json)
    exact = remote(server, tokenizer=file)
    assert exact.count("def f():") == tokenizer.count("def f():")
    assert exact.decode(exact.encode("def f():")) == "def f():"
    guess = remote(server)
    assert guess.count("x" * 100) == 40
    assert guess.count(Fill("a", "b")) > 2
    assert guess.count(HELLO) > guess.count("be briefhello")
    with pytest.raises(RemoteModelError, match=r"model\.remote\.tokenizer"):
        guess.encode("x")
    with pytest.raises(ModelFilesError, match="cannot be read"):
        remote(server, tokenizer=tmp_path / "none.json")
