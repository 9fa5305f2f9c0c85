"""The engine over a model behind a server: a small one on the loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from megacontext.agent.engine import Engine
from megacontext.agent.events import Citation, Token, Usage
from megacontext.agent.opening import Workplace
from megacontext.configs.errors import ModelError
from megacontext.memory.focus import FocusQuery, Position

IN_GREET = Position("greeter/greet.py", 14, 19)
ANSWER = ["It is in ", "greeter/words.py:6", "."]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    requests: list[tuple[str, dict[str, Any]]]


class Handler(BaseHTTPRequestHandler):
    """Streams ANSWER to whatever is asked."""

    server: Server

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self.server.requests.append((self.path, json.loads(self.rfile.read(size))))
        chats = self.path.endswith("/chat/completions")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for text in ANSWER:
            self._send([{"delta": {"content": text}} if chats else {"text": text}])
        self._send([{"delta": {}, "text": "", "finish_reason": "stop"}])
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, choices: list[dict[str, Any]]) -> None:
        self.wfile.write(f"data: {json.dumps({'choices': choices})}\n\n".encode())

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def open_remote(server, repository, model_folder, monkeypatch):
    """An engine whose model is behind `server`; keys of `model.remote` as arguments."""
    server.requests = []
    monkeypatch.setattr("megacontext.agent.opening.pocket_folder", lambda: model_folder)
    opened = []

    def make(**remote: Any) -> Engine:
        address = f"http://127.0.0.1:{server.server_port}/v1"
        settings = {"base_url": address, "model": "org/coder"} | remote
        named = {f"model.remote.{key}": str(value) for key, value in settings.items()}
        workplace = Workplace.at(repository, named)
        engine = Engine(workplace, workplace.open_memory(write=True))
        opened.append(engine.memory)
        engine.refresh()
        return engine

    yield make
    for memory in opened:
        memory.close()


def test_a_question_is_streamed_through_the_chat_of_the_server(server, open_remote):
    engine = open_remote()
    events = list(engine.ask("Where is word_for defined?"))
    assert [event.text for event in events if isinstance(event, Token)] == ANSWER
    assert Citation("greeter/words.py", 6, 6, "read") in events
    usage = events[-1]
    assert isinstance(usage, Usage)
    assert (usage.model, usage.mean_logprob) == ("org/coder", None)
    [(path, request)] = server.requests
    assert path == "/v1/chat/completions"
    content = request["messages"][1]["content"]
    assert "### greeter/words.py:1\n" in content and "def word_for(language):" in content
    assert "<|" not in content and "hunter2" not in content
    assert content.endswith("Question: Where is word_for defined?")


@pytest.mark.parametrize("own", [False, True])
def test_the_text_codec_counts_by_a_tokenizer_and_keeps_to_the_budget(
    open_remote, model_folder, own
):
    engine = open_remote(**({"tokenizer": model_folder / "tokenizer.json"} if own else {}))
    focused, rendering = engine.focus_and_read(FocusQuery("word_for greeting", budget=250))
    assert 0 < focused.total_cost <= 250
    count = engine.workplace.tokenizer.count
    assert sum(count(part.text) for part in rendering.segments) == focused.total_cost
    assert engine.memory.store.folder.name.startswith("coder-" if own else "pocket-")


def test_gists_are_refused_with_a_sentence(open_remote):
    with pytest.raises(ModelError, match=r"org/coder takes text only.*use --codec text"):
        list(open_remote().ask("word_for", codec="gist"))


@pytest.mark.parametrize("fill", ["none", "tokens", "suffix"])
def test_completion_goes_the_way_that_settings_name(server, open_remote, fill):
    engine = open_remote(fill=fill)
    events = list(engine.complete(IN_GREET))
    assert [event.kind for event in events].count("notice") == (fill == "none")
    [(path, request)] = server.requests
    assert path == "/v1/completions"
    assert "def word_for(language):" in request["prompt"]
    assert "\n### greeter/greet.py\n" in request["prompt"]
    assert ("<|fim_prefix|>" in request["prompt"]) == (fill == "tokens")
    assert ("suffix" in request) == (fill == "suffix")


def test_a_small_remote_context_is_kept_to(server, open_remote):
    engine = open_remote(context_length=900)
    usage = list(engine.complete(IN_GREET))[-1]
    assert isinstance(usage, Usage) and usage.positions <= 900 - 64
