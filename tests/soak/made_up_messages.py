"""Messages that no editor should send, each from its seed alone, as bytes on a connection.

Whatever length a header promises is there in full, so that the message behind it begins where it should.
"""

import copy
import json
import random
from collections.abc import Callable
from typing import Any

Chance = random.Random

HUGE = (0, 1, -1, 2**31 - 1, 2**31, 2**32, 2**53, 2**63, 10**30, -(2**31), 1.5, 1e308)
VALUES = (
    *(None, True, False, "", "x", "\ud800", "\0", "a" * 5_000, "file:///", "../..", [], {}, [[]], {"": None}),
    *HUGE,
    *([{"a": [None] * 50}] * 3, {"textDocument": 3}, {"uri": None}, [1, "2", 3.0]),
)  # fmt: skip
METHODS = (
    *("textDocument/hover", "textDocument/definition", "textDocument/references", "textDocument/documentSymbol"),
    *("textDocument/codeAction", "textDocument/codeLens", "textDocument/completion", "workspace/symbol"),
    *("workspace/executeCommand", "textDocument/didOpen", "textDocument/didChange", "textDocument/didClose"),
    *("textDocument/didSave", "workspace/didChangeConfiguration", "workspace/didChangeWatchedFiles"),
    *("workspace/didChangeWorkspaceFolders", "window/workDoneProgress/cancel", "$/cancelRequest", "$/setTrace"),
    *("$/progress", "initialize", "initialized", "megacontext/chat", "textDocument/inlineCompletion"),
)  # fmt: skip
UNKNOWN = (
    "no/such",
    "$/made/up",
    "textDocument/",
    "",
    "exit/",
    "Shutdown",
    "textDocument/hover\n",
    "a" * 3_000,
    "é",
)
TEXTS = (
    "",
    "x",
    "def f():\n    return 1\n",
    "a\r\nb\rc\n\nd",
    "🙂ü漢\n" * 20,
    "\ud800",
    "\r" * 40,
    "x" * 20_000,
)
NOTIFICATIONS = ("textDocument/did", "workspace/did", "window/", "$/", "initialized")
HEADERS = (
    *("Content-Length: {n}\r\n\r\n", "content-length:{n}\n\n", "CONTENT-LENGTH : {n}\r\n\r\n"),
    "X-Other: 1\r\nContent-Length: {n}\r\nContent-Type: text/plain\r\n\r\n",
    *("Content-Length: 3\r\nContent-Length: {n}\r\n\r\n", "Content-Length: -4\r\nContent-Length: {n}\r\n\r\n"),
    *("\r\n\r\n\r\nContent-Length: {n}\r\n\r\n", "garbage Content-Length: {n}\r\n\r\n"),
)  # fmt: skip
GARBAGE = (
    *(b"\0\xff\r\n", b"Content-Length:\r\n\r\n", b"Content-Length: x\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\r\n" * 50),
    *(b"Content-Length: -1\r\n\r\n", b"Content-Type: x\r\n\r\n", b"{}\r\n", b"x" * 20_000 + b"\r\n"),
    b"Content-Length: 0\r\n\r\n",
)  # fmt: skip
BODIES = (
    *(b"", b"{", b"null", b"[]", b"[1, 2]", b'"text"', b"\xff\xfe", b"[" * 20_000, b'{"a":' * 5_000),
    *(b"{}", b"1e999", b"NaN"),
    *(b'{"jsonrpc": "2.0"}', b'{"jsonrpc": "2.0", "id": 1}', b'{"jsonrpc": 2, "method": "shutdown", "id": 1}'),
    *(b'{"jsonrpc": "2.0", "method": "no/such", "method": 7, "id": 3}', b'\xef\xbb\xbf{"jsonrpc": "2.0"}', b"\0" * 100),
)  # fmt: skip


def made_up_message(seed: int, uris: list[str]) -> bytes:
    """Bytes to send; `uris` are what it may speak of."""
    chance = random.Random(seed)
    make = chance.choices(list(KINDS), list(KINDS.values()))[0]
    return make(chance, uris)


def framed(body: bytes, header: str = HEADERS[0]) -> bytes:
    return header.format(n=len(body)).encode() + body


def no_json(chance: Chance, uris: list[str]) -> bytes:
    """A body that cannot be read, or says nothing."""
    if chance.random() < 0.5:
        return framed(chance.choice(BODIES))
    body = bytearray(json.dumps(_message(chance, uris)).encode())
    for _ in range(chance.randint(1, 5)):
        body[chance.randrange(len(body))] = chance.randrange(256)
    return framed(bytes(body))


def strange_header(chance: Chance, uris: list[str]) -> bytes:
    """A header in a way that nobody writes it, or something that is none."""
    garbage = b"".join(chance.choices(GARBAGE, k=chance.randint(0, 3)))
    body = json.dumps(_message(chance, uris)).encode()
    return garbage + framed(body, chance.choice(HEADERS))


def wrong_length(chance: Chance, uris: list[str]) -> bytes:
    """A length that is not that of the message; the promised bytes come, whatever they are."""
    body = json.dumps(_message(chance, uris)).encode()
    told = max(1, len(body) + chance.choice([-20, -5, -1, 1, 5, 300, 70_000]))
    return b"Content-Length: %d\r\n\r\n" % told + body.ljust(told) + b"\r\n"


def wrong_types(chance: Chance, uris: list[str]) -> bytes:
    """A message for a method there is, with values in it that cannot be."""
    message = copy.deepcopy(_message(chance, uris))
    for _ in range(chance.randint(1, 3)):
        _spoil(chance, message)
    return framed(json.dumps(message).encode())


def unknown_method(chance: Chance, uris: list[str]) -> bytes:
    message = _message(chance, uris) | {"method": chance.choice(UNKNOWN)}
    if chance.random() < 0.5:
        message["params"] = chance.choice(VALUES)
    return framed(json.dumps(message).encode())


def far_position(chance: Chance, uris: list[str]) -> bytes:
    """A place far behind, or before, all text."""
    message = _message(chance, uris, chance.choice(METHODS[:7]))
    message["params"]["position"] = {"line": chance.choice(HUGE), "character": chance.choice(HUGE)}
    message["params"]["range"] = {"start": message["params"]["position"], "end": _place(chance)}
    return framed(json.dumps(message).encode())


def out_of_order(chance: Chance, uris: list[str]) -> bytes:
    """Documents opened, changed and closed in no order, with versions and ranges that do not follow."""
    methods = (
        "textDocument/didChange",
        "textDocument/didOpen",
        "textDocument/didClose",
        "textDocument/didSave",
    )
    return b"".join(
        framed(json.dumps(_message(chance, uris, chance.choice(methods))).encode())
        for _ in range(chance.randint(1, 12))
    )  # fmt: skip


def nobody_asked(chance: Chance, _: list[str]) -> bytes:
    """Answers to nothing, and requests taken back that were never made."""
    asked = chance.choice([1, "x", -1, 2**40, None, [], {"a": 1}, "next"])
    message = chance.choice(
        [
            {"id": asked, "result": chance.choice(VALUES)},
            {"id": asked, "error": {"code": chance.choice(HUGE), "message": chance.choice(VALUES)}},
            {"id": asked, "error": chance.choice(VALUES)},
            {"method": "$/cancelRequest", "params": {"id": asked}},
            {"id": asked, "method": "$/cancelRequest", "params": {"id": 1}},
        ]
    )
    return framed(json.dumps({"jsonrpc": "2.0", **message}).encode())


def many_at_once(chance: Chance, uris: list[str]) -> bytes:
    """A burst, whose requests share an id."""
    return b"".join(
        framed(json.dumps(_message(chance, uris) | {"id": "same"}).encode())
        for _ in range(chance.randint(2, 20))
    )


KINDS: dict[Callable[[Chance, list[str]], bytes], int] = {
    no_json: 15, strange_header: 12, wrong_length: 8, wrong_types: 30, unknown_method: 5, far_position: 10,
    out_of_order: 12, nobody_asked: 5, many_at_once: 3,
}  # fmt: skip
"""How often each."""


def _message(chance: Chance, uris: list[str], method: str | None = None) -> dict[str, Any]:
    """A proper message for a method there is."""
    method = method or chance.choice(METHODS)
    message = {"jsonrpc": "2.0", "method": method, "params": _params(chance, uris, method)}
    if not method.startswith(NOTIFICATIONS):
        message["id"] = f"fuzz-{chance.randrange(10**9)}"
    return message


def _params(chance: Chance, uris: list[str], method: str) -> dict[str, Any]:
    """More than any method asks for: what is not asked for is passed over."""
    uri, here = chance.choice(uris), _place(chance)
    range_ = {"start": here, "end": _place(chance)}
    change = {"text": chance.choice(TEXTS)} | ({"range": range_} if chance.random() < 0.8 else {})
    command = chance.choice(["megacontext.explain", "megacontext.focus", "megacontext.no", ""])
    document = {
        "uri": uri,
        "version": chance.randint(-5, 50),
        "languageId": "python",
        "text": chance.choice(TEXTS),
    }
    return {
        "textDocument": document,
        "position": here,
        "range": range_,
        "context": {"triggerKind": 1, "diagnostics": [], "includeDeclaration": True},
        "query": chance.choice(TEXTS)[:200],
        "command": command,
        "arguments": [{"uri": uri, "range": range_}],
        "contentChanges": [change] * chance.randint(1, 3),
        "settings": chance.choice(VALUES),
        "changes": [{"uri": uri, "type": chance.randint(0, 4)}],
        "event": {"added": [], "removed": [{"uri": "file:///nowhere/at/all", "name": "x"}]},
        "token": chance.choice(VALUES),
        "value": "verbose" if method == "$/setTrace" else chance.choice(VALUES),
        "id": "nothing",
        "capabilities": {},
    }  # fmt: skip


def _place(chance: Chance) -> dict[str, int]:
    return {"line": chance.randrange(40), "character": chance.randrange(60)}


def _spoil(chance: Chance, message: dict[str, Any]) -> None:
    """Put another value, or none, somewhere in what a message says."""
    at: Any = message["params"]
    if not isinstance(at, dict) or not at or chance.random() < 0.1:
        message[chance.choice(["params", "id", "jsonrpc"])] = chance.choice(VALUES)
        return
    while True:
        key = chance.choice(list(at)) if isinstance(at, dict) else chance.randrange(len(at))
        if isinstance(at[key], dict | list) and at[key] and chance.random() < 0.7:
            at = at[key]
        elif isinstance(at, dict) and chance.random() < 0.3:
            del at[key]
            return
        else:
            at[key] = chance.choice(VALUES)
            return
