"""A small OpenAI-compatible server on the loopback, well-behaved or not, as each test wants it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.patience import PATIENCE_S


class Server(ThreadingHTTPServer):
    """Answers each request with the next behaviour; the last one goes on for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviours = []
        self.requests = []
        self.closed_by_client = threading.Event()
        self.waiting = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers, body))
        behaviours = self.server.behaviours
        (behaviours.pop(0) if len(behaviours) > 1 else behaviours[0])(self)

    def log_message(self, *_):
        pass

    def head(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def send(self, *events):
        for event in events:
            data = event if isinstance(event, str) else json.dumps(event)
            self.wfile.write(f"data: {data}\n\n".encode())
        self.wfile.flush()

    def wait_until_closed(self):
        """Blocks until the client hangs up; `recv` then gives nothing."""
        self.server.waiting.set()
        self.connection.settimeout(PATIENCE_S)
        if self.connection.recv(1) == b"":
            self.server.closed_by_client.set()


def delta(text, **more):
    return {"choices": [{"delta": {"content": text}, **more}]}


def answering(*events):
    def behave(handler):
        handler.head(content_type="text/event-stream")
        handler.send(*events)

    return behave


def refusing(status, body="", **headers):
    def behave(handler):
        data = body if isinstance(body, str) else json.dumps(body)
        handler.head(status, content_length=len(data.encode()), **headers)
        handler.wfile.write(data.encode())

    return behave


def finished(reason: str = "stop", **usage: Any) -> dict[str, Any]:
    """The last event with a choice, and what the answer took."""
    counts = {"prompt_tokens": 21, "completion_tokens": 5} | usage
    return {"choices": [{"delta": {}, "finish_reason": reason}], "usage": counts}


def call_delta(index: int | None, **parts: Any) -> dict[str, Any]:
    """A part of a call: `id`, `name`, `arguments`."""
    function = {key: parts[key] for key in ("name", "arguments") if key in parts}
    call = {"type": "function", "function": function}
    call |= {
        key: value
        for key, value in {"index": index, "id": parts.get("id")}.items()
        if value is not None
    }
    return {"choices": [{"delta": {"tool_calls": [call]}}]}


@contextmanager
def running() -> Iterator[Server]:
    """A server that runs while the block does."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
