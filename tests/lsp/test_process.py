"""The command as editors start it: a process, its standard streams, and its end."""

import asyncio
import subprocess
import sys
from pathlib import Path

import psutil
from lsprotocol import types

from megacontext.lsp.framing import Frames
from tests.patience import PATIENCE_S

from .conftest import COMMAND, SETTINGS
from .editor import Editor
from .wire import Wire


async def started(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, *COMMAND, *arguments, stdin=pipe, stdout=pipe, stderr=pipe
    )


async def test_standard_output_is_the_protocol_alone_and_the_end_is_in_order(start, repository):
    async with start(command=COMMAND) as editor:
        uri = editor.show(repository / "greeter/greet.py")
        await editor.fresh()
        await editor.complete(uri, 12, 3)
        assert (repository / ".megacontext" / "catalogue.db").exists()
        assert await editor.end() == 0
    assert b"Traceback" not in editor.errors


async def test_it_ends_with_its_standard_input_without_a_word(repository: Path):
    server = await started()
    server.stdin.write(b"Content-Length: 500\r\n\r\n{half a message")
    server.stdin.close()
    out, errors = await server.communicate()
    assert (out, server.returncode) == (b"", 1)
    assert b"Traceback" not in errors


async def test_it_ends_with_the_process_that_started_it():
    editor = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=-1)
    server = await started()
    wire = Wire(server.stdout, server.stdin)
    await wire.initialize(processId=editor.pid)

    editor.kill()
    try:
        assert await asyncio.wait_for(server.wait(), PATIENCE_S) == 1
    finally:
        editor.communicate()
        server.stdin.close()


async def test_a_process_of_another_machine_is_not_waited_for():
    server = await started()
    wire = Wire(server.stdout, server.stdin)
    nobody = next(pid for pid in range(4_000_000, 5_000_000) if not psutil.pid_exists(pid))
    await wire.initialize(processId=nobody)
    assert await wire.is_alive()
    await wire.ask("shutdown")
    wire.send("exit")
    assert await server.wait() == 0
    server.stdin.close()


async def test_over_tcp_it_serves_one_client_on_this_machine_alone():
    server = await started("--tcp", "0")
    told = (await server.stderr.readline()).decode()
    assert told.startswith("listening on 127.0.0.1:")
    port = int(told.rpartition(":")[2])
    wire = Wire(*await asyncio.open_connection("127.0.0.1", port))
    result = await wire.initialize(initializationOptions={"settings": SETTINGS})
    assert result["result"]["serverInfo"]["name"] == "megacontext"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b""
    writer.close()
    [listening] = [c for c in psutil.Process(server.pid).net_connections() if c.status == "LISTEN"]
    assert listening.laddr.ip == "127.0.0.1"
    await wire.ask("shutdown")
    wire.send("exit")
    assert await server.wait() == 0
    wire.writer.close()
    server.stdin.close()


def test_what_comes_from_a_file_is_answered_too(tmp_path: Path):
    body = b'{"jsonrpc": "2.0", "id": 1, "method": "shutdown"}'
    messages = tmp_path / "messages"
    messages.write_bytes(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    with messages.open("rb") as stdin:
        done = subprocess.run(
            [sys.executable, *COMMAND], stdin=stdin, capture_output=True, check=False
        )
    [answer] = Frames().push(done.stdout)
    assert b"not initialized" in answer
    assert done.returncode == 1


async def test_another_program_writes_and_the_server_takes_over_when_it_leaves(start, repository):
    watch = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "megacontext.agent.main", "watch", "--model", "pocket", "--no-gists",
        "--json", str(repository), stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert b'"watching"' in await watch.stdout.readline()
    try:
        async with start([], options={"navigation": True}) as editor:
            told = await editor.until(logged("keeps the index fresh"))
            assert str(watch.pid) in told.message
            [folder] = editor.server.folders
            assert not folder.host.writes
            uri = editor.show(repository / "greeter/words.py")
            editor.type(uri, 0, 0, "# unsaved\ndef late():\n    return word_for('en')\n\n\n")
            await answers_hold_for_what_is_typed(editor, uri)
            watch.kill()
            await editor.until(logged("this server keeps the index fresh"))
            while b"# unsaved" not in (folder.host.engine.memory.read("greeter/words.py") or b""):
                await asyncio.sleep(0.01)
    finally:
        if watch.returncode is None:
            watch.kill()
        await watch.communicate()


async def answers_hold_for_what_is_typed(editor: Editor, uri: str):
    """As it is said on the page of the language server."""
    document, at = types.TextDocumentIdentifier(uri), types.Position(2, 14)
    name = types.Range(types.Position(10, 4), types.Position(10, 12))
    hover = await editor.text_document_hover_async(types.HoverParams(document, at))
    assert r"\(late\)" in hover.contents.value
    defined = await editor.text_document_definition_async(types.DefinitionParams(document, at))
    assert defined == [types.Location(uri, name)]
    params = types.ReferenceParams(types.ReferenceContext(False), document, at)
    used = await editor.text_document_references_async(params)
    assert types.Location(uri, types.Range(types.Position(2, 11), types.Position(2, 19))) in used
    [found] = await editor.workspace_symbol_async(types.WorkspaceSymbolParams("late"))
    assert found.location.uri == uri
    listed = await editor.text_document_document_symbol_async(types.DocumentSymbolParams(document))
    assert "late" in {each.name for each in listed}


def logged(text: str):
    return lambda method, params: method == types.WINDOW_LOG_MESSAGE and text in params.message


def test_nothing_heavy_is_loaded_to_start():
    code = "import sys, megacontext.lsp.main; print({'torch', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "set()\n"
