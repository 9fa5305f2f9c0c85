"""Clients that are wrong: an answer or nothing, never a dead server."""

import json

import pytest

from .wire import wired

URI = "file:///nowhere/a.py"
HERE = {"textDocument": {"uri": URI}, "position": {"line": 0, "character": 0}}
INLINE = "textDocument/inlineCompletion"
ASKED = HERE | {"context": {"triggerKind": 1}}


def shown(text: str, uri: str = URI) -> dict:
    return {"textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text}}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 50_000, -32700),
        (b"", -32700),
        (b"[1, 2]", -32600),
        (b'"text"', -32600),
        (b"null", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "shutdown"}', -32600),
        (b'{"jsonrpc": "2.0", "id": {"a": []}, "method": "shutdown"}', -32600),
        (b'{"jsonrpc": "2.0", "id": [7], "method": "textDocument/hover", "params": {}}', -32600),
        (b'{"jsonrpc": "2.0", "id": 0.5, "method": "no/such"}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 7}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "textDocument/inlineCompletion"}', -32602),
        (
            b'{"jsonrpc": "2.0", "id": 1, "method": "textDocument/inlineCompletion", "params": []}',
            -32602,
        ),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}', -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "no/such"}', -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "$/made/up", "params": {"jsonrpc": 3}}', -32601),
    ],
)
async def test_what_is_no_proper_request_is_answered_with_an_error(body, code):
    async with wired() as wire:
        wire.body(body)
        known = b'"id": 1' in body
        reply = await wire.answer(1 if known else None)
        assert reply["error"]["code"] == code
        assert await wire.is_alive()


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": 3}}',
        b'{"jsonrpc": "2.0", "method": "textDocument/didChange"}',
        b'{"jsonrpc": "2.0", "method": "no/such/notification", "params": {}}',
        b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": 77}}',
        b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": null}',
        b'{"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": {"a": 1}}}',
        b'{"jsonrpc": "2.0", "method": "window/workDoneProgress/cancel", "params": {"token": []}}',
        b'{"jsonrpc": "2.0", "method": "$/progress", "params": {"token": {}, "value": 1}}',
        b'{"jsonrpc": "2.0", "id": "nobody asked", "result": 5}',
        b'{"jsonrpc": "2.0", "id": "nobody asked", "error": {"code": 1, "message": "x"}}',
        b'{"jsonrpc": "2.0", "id": {"a": 1}, "result": null}',
    ],
)
async def test_what_is_no_proper_notification_is_passed_over(body):
    async with wired() as wire:
        wire.body(body)
        assert await wire.is_alive()
        assert not [m for m in wire.messages if m.get("method") == "window/logMessage"]


async def test_garbage_and_half_messages_between_requests():
    async with wired() as wire:
        wire.raw(b"\x00\xff garbage\r\n\r\nContent-Length: x\r\n\r\n")
        assert await wire.is_alive()
        wire.raw(b"Content-Length: 30\r\n\r\n{half")
        wire.send("no/such/method", {}, asks=5)
        wire.send("no/such/method", {}, asks=6)
        assert (await wire.answer(None))["error"]["code"] == -32700
        assert (await wire.answer(6))["error"]["code"] == -32601


async def test_before_the_handshake_there_is_nothing_but_the_handshake():
    async with wired(initialized=False) as wire:
        wire.send("textDocument/didOpen", shown("x"))
        assert (await wire.ask(INLINE, ASKED))["error"]["code"] == -32002
        result = await wire.initialize()
        assert result["result"]["capabilities"]["positionEncoding"] == "utf-16"
        assert await wire.is_alive()


async def test_after_shutdown_there_is_nothing_but_the_end():
    async with wired() as wire:
        assert (await wire.ask("shutdown"))["result"] is None
        assert (await wire.ask(INLINE, ASKED, asks=2))["error"]["code"] == -32600


async def test_documents_that_are_not_open_or_outside_of_all_folders_get_empty_answers():
    async with wired() as wire:
        changed = {"textDocument": {"uri": URI, "version": 2}, "contentChanges": [{"text": "y"}]}
        wire.send("textDocument/didChange", changed)
        wire.send("textDocument/didClose", {"textDocument": {"uri": URI}})
        assert (await wire.ask(INLINE, ASKED))["result"] == {"items": []}
        for uri in (
            URI,
            "untitled:Untitled-1",
            "http://x/y",
            "file://",
            "%00",
            "file:///a%00b",
            "",
        ):
            wire.send("textDocument/didOpen", shown("x = ", uri))
            asked = ASKED | {"textDocument": {"uri": uri}}
            assert (await wire.ask(INLINE, asked, asks=2))["result"] == {"items": []}
        assert not [m for m in wire.messages if m.get("method") == "window/showMessage"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"inline": "yes", "no_such": 1}, ["inline", "no_such"]),
        ({"settings": 5}, ["settings"]),
        ([1], ["initializationOptions"]),
        ("text", ["initializationOptions"]),
        (None, []),
        ({}, []),
    ],
)
async def test_options_that_are_wrong_are_told_and_left_out(options, told):
    async with wired(initialized=False) as wire:
        result = await wire.initialize(initializationOptions=options)
        assert "inlineCompletionProvider" in result["result"]["capabilities"]
        assert await wire.is_alive()
        warned = [m for m in wire.messages if m.get("method") == "window/showMessage"]
        assert len(warned) == len(told)
        assert all(m["params"]["type"] == 2 for m in warned)
        for name, message in zip(sorted(told), sorted(map(json.dumps, warned)), strict=True):
            assert name in message


@pytest.mark.parametrize(
    ("general", "encoding"),
    [
        (None, "utf-16"),
        ({}, "utf-16"),
        ({"positionEncodings": []}, "utf-16"),
        ({"positionEncodings": ["utf-32", "utf-8"]}, "utf-32"),
        ({"positionEncodings": ["utf-7", "utf-8"]}, "utf-8"),
    ],
)
async def test_the_encoding_is_the_first_that_the_client_names_and_we_know(general, encoding):
    async with wired(initialized=False) as wire:
        capabilities = {} if general is None else {"general": general}
        result = await wire.initialize(capabilities=capabilities)
        assert result["result"]["capabilities"]["positionEncoding"] == encoding
        wire.send("textDocument/didOpen", shown("x"))
        assert await wire.is_alive()


@pytest.mark.parametrize(
    ("text_document", "options", "offered"),
    [
        ({}, {}, True),
        ({"inlineCompletion": {}}, {}, False),
        ({"inlineCompletion": {}}, {"inline": False}, True),
        ({"inlineCompletion": {}}, {"completion": "on"}, True),
        ({}, {"completion": "off"}, False),
    ],
)
async def test_the_list_is_for_clients_that_show_nothing_in_grey(text_document, options, offered):
    async with wired(initialized=False) as wire:
        result = await wire.initialize(
            capabilities={"textDocument": text_document}, initializationOptions=options
        )
        assert ("completionProvider" in result["result"]["capabilities"]) == offered


async def test_five_megabytes_and_two_hundred_documents():
    async with wired() as wire:
        wire.send("textDocument/didOpen", shown("value = 1\n" * 500_000))
        middle = {
            "start": {"line": 250_000, "character": 9},
            "end": {"line": 250_000, "character": 9},
        }
        for version in range(2, 30):
            change = {
                "textDocument": {"uri": URI, "version": version},
                "contentChanges": [{"range": middle, "text": "0"}],
            }
            wire.send("textDocument/didChange", change)
        assert (await wire.ask(INLINE, ASKED))["result"] == {"items": []}
        for number in range(200):
            wire.send("textDocument/didOpen", shown("x = 1\n" * 100, f"file:///d/{number}.py"))
        for number in range(200):
            wire.send("textDocument/didClose", {"textDocument": {"uri": f"file:///d/{number}.py"}})
        assert await wire.is_alive()
