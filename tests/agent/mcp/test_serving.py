"""Over standard input and output, and over HTTP: who is let in, what garbage does, how it ends."""

import http.client
import json
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from megacontext.agent.main import app
from megacontext.configs.errors import MegaContextError
from tests.agent.mcp.conftest import COMMAND, TOKEN, WAIT_S, environment, listen, on_stdio

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "Authorization": f"Bearer {TOKEN}",
}


def called(tool, **arguments):
    """The lines of a client that calls one tool and leaves."""
    about = {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    calls = {"name": tool, "arguments": arguments}
    messages = (
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": calls},
    )
    return [json.dumps(each).encode() for each in messages]


def posted(server, body=None, method="POST", path="/mcp", **headers):
    """Status of a plain request; a header given as None is left out."""
    at = urlsplit(server.url)
    connection = http.client.HTTPConnection(at.hostname, at.port, timeout=WAIT_S)
    sent = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    data = json.dumps(PING) if body is None else body
    connection.request(
        method, path, data, {name: value for name, value in sent.items() if value is not None}
    )
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": "Bearer \xff"}, 401),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:80"}, 421),
        ({"Host": "127.0.0.1:1"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_stranger_is_turned_away(server, headers, status):
    assert posted(server, **headers) == status


@pytest.mark.parametrize("path", ["/", "/mcp/", "/.well-known/oauth-protected-resource"])
def test_no_path_answers_without_the_token(server, path):
    assert posted(server, path=path, Authorization=None) == 401


@pytest.mark.parametrize(
    ("body", "least"),
    [("{", 400), ("[]", 400), ('"text"', 400), ('{"jsonrpc": "1.0"}', 400), ("x" * 5_000_000, 413)],
)
def test_garbage_is_an_error_and_the_server_goes_on(server, body, least):
    assert least <= posted(server, body) < 500
    assert not server.call("status").is_error


def test_many_ask_at_once(server):
    async def work(client):
        import asyncio

        return await asyncio.gather(
            *(client.call_tool("search", {"query": f"word_for {number}"}) for number in range(20))
        )

    assert not any(answer.is_error for answer in server.ask(work))


def test_a_token_is_made_when_none_is_given_and_listening_is_on_this_machine_alone(lent):
    process, said = listen(lent)
    with process:
        assert said[0].startswith("token: ")
        assert len(said[0].split()[1]) >= 40
        assert said[1].startswith("listening on http://127.0.0.1:")
        process.terminate()
        assert process.wait(WAIT_S) == 0


@pytest.mark.parametrize(
    ("options", "variables", "told"),
    [
        (["--http", "--token-from", "T"], {"T": "short"}, "no good token"),
        (["--http", "--token-from", "T"], {}, "no good token"),
        (["--port", "1234"], {}, "are for --http"),
        (["--repo", "/nowhere/at/all"], {}, "cannot be opened"),
    ],
)
def test_what_cannot_be_started_says_why(lent, monkeypatch, options, variables, told):
    for name, value in (environment(lent) | variables).items():
        monkeypatch.setenv(name, value)
    done = CliRunner().invoke(app, ["mcp", "--repo", str(lent), *options])
    assert done.exit_code in {1, 2}
    assert told in (
        str(done.exception) if isinstance(done.exception, MegaContextError) else done.stderr
    )


def test_without_the_package_one_sentence_says_what_to_install(lent):
    program = (
        "import sys; sys.modules['mcp'] = None; sys.argv[1:] = ['mcp'];"
        "from megacontext.agent.main import run; run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=lent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'megacontext[mcp]'" in done.stderr


def test_a_client_on_standard_input_and_another_process_that_reads(lent):
    async def outer(first):
        import asyncio

        assert not (await first.call_tool("search", {"query": "word_for"})).is_error
        state = (await first.call_tool("status", {})).structured_content

        def second():
            return on_stdio(lent, lambda client: client.call_tool("focus", {"query": "greeting"}))

        answer = await asyncio.to_thread(second)
        return state, answer

    state, answer = on_stdio(lent, outer)
    assert "mcp" in state["writer"]
    assert not answer.is_error
    assert "greeter/greet.py" in answer.content[0].text


def test_an_edit_is_searched_as_it_is_now(lent):
    async def work(client):
        before = await client.call_tool("search", {"query": "farewell_word"})
        (lent / "greeter/words.py").write_text("def farewell_word():\n    return 'Bye'\n")
        found = before
        while not found.structured_content["definitions"]:
            found = await client.call_tool("search", {"query": "farewell_word"})
        read = await client.call_tool("read", {"path": "greeter/words.py"})
        return before, found, read

    before, found, read = on_stdio(lent, work)
    assert not before.structured_content["definitions"]
    assert found.structured_content["definitions"][0]["end_line"] == 2
    assert "Bye" in read.structured_content["text"]


def test_garbage_on_standard_input_is_no_end_and_only_the_protocol_is_on_standard_output(lent):
    first, ready, read = (line + b"\n" for line in called("read", path="README.md"))
    garbage = [b"\xff\xfe\n", b"{\n", b"42\n", b"[]\n", b'{"jsonrpc": "2.0", "id": {}}\n', b"\n"]
    done = subprocess.run(
        [*COMMAND, "--repo", str(lent)],
        env=environment(lent),
        input=b"".join([first, *garbage, ready, *garbage, read]),
        capture_output=True,
        timeout=WAIT_S,
        check=False,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(each["jsonrpc"] == "2.0" for each in answers)
    assert {each.get("id") for each in answers} >= {1}
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0


def test_no_model_is_loaded(lent):
    program = (
        "import sys, atexit; sys.argv[1:] = ['mcp', '--model', 'pocket'];"
        "atexit.register(lambda: print([name for name in ('torch', 'transformers') if name in sys.modules], "
        "file=sys.stderr));"
        "from megacontext.agent.main import run; run()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=lent,
        env=environment(lent),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdin.write(b"\n".join([*called("focus", query="greeting"), b""]))
        process.stdin.flush()
        answers = [process.stdout.readline() for _ in range(2)]
        said = process.communicate(timeout=WAIT_S)[1]
    assert b"greeter/greet.py" in answers[1]
    assert said.splitlines()[-1] == b"[]"
