"""Turns that are stopped, and editors that leave."""

import asyncio
import json
import subprocess
import sys

import pytest

from megacontext.agent.chat.sessions.store import Sessions
from megacontext.memory.places import Places
from megacontext.models.language.scripted import call
from tests.agent.acp.conftest import (
    COMMAND,
    EDIT,
    WAIT_S,
    Editor,
    environment,
    scripted,
)

SLEEP = call("run", command="sleep 1000000")
NEVER = "/there/is/no/such/file"


def test_a_turn_stops_at_a_token_and_the_next_one_goes_on(play, root):
    async def scene(stage):
        session = await stage.begin()
        going = asyncio.create_task(stage.prompt(session, f"$9 until {NEVER}"))
        await stage.editor.until(lambda: stage.editor.said)
        await stage.agent.cancel(session_id=session)
        stopped = await going
        return stopped, await stage.prompt(session, "Going on.")

    stopped, after = play(scene)
    assert stopped.stop_reason == "cancelled"
    assert after.stop_reason == "end_turn"


@pytest.mark.parametrize("answer", ["hang", "cancel"])
def test_a_turn_stops_while_a_permission_is_open(play, root, answer):
    async def scene(stage):
        session = await stage.begin()
        going = asyncio.create_task(stage.prompt(session, EDIT, "Done."))
        await stage.editor.until(lambda: stage.editor.asked)
        if answer == "hang":
            await stage.agent.cancel(session_id=session)
        stopped = await going
        return stopped, stage.editor

    stopped, editor = play(scene, Editor(answers=[answer]))
    assert stopped.stop_reason == "cancelled"
    assert editor.of("tool_call_update")[-1].status == "failed"
    assert "Bonjour" not in (root / "greeter/words.py").read_text()


def test_a_program_that_runs_is_ended(play):
    async def scene(stage):
        session = await stage.begin()
        going = asyncio.create_task(stage.prompt(session, SLEEP, "Slept."))
        await stage.editor.until(lambda: stage.editor.asked)
        await stage.agent.cancel(session_id=session)
        return (await going).stop_reason

    assert play(scene) == "cancelled"


def test_cancelling_nothing_is_nothing(play):
    async def scene(stage):
        session = await stage.begin()
        await stage.agent.cancel(session_id=session)
        await stage.agent.cancel(session_id="nobody")
        return (await stage.prompt(session, "Still here.")).stop_reason

    assert play(scene) == "end_turn"


def lines(*messages) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in messages)


def request(number: int, method: str, **params) -> dict:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def started(root) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        COMMAND,
        env=environment(root),
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("how", ["leaves", "is killed", "ends us"])
def test_an_editor_that_leaves_in_a_turn_ends_the_process_and_what_was_said_is_saved(root, how):
    with started(root) as process:
        process.stdin.write(
            lines(
                request(1, "initialize", protocolVersion=1),
                request(2, "session/new", cwd=str(root), mcpServers=[]),
            )
        )
        process.stdin.flush()
        answers = (json.loads(line) for line in process.stdout)
        session = next(each for each in answers if each.get("id") == 2)["result"]["sessionId"]
        # More than a pipe holds: nobody reads the rest of it.
        block = scripted("Go on.", f"$40000 until {NEVER}").model_dump(mode="json")
        process.stdin.write(lines(request(3, "session/prompt", sessionId=session, prompt=[block])))
        process.stdin.flush()
        next(each for each in answers if "agent_message_chunk" in json.dumps(each))
        if how == "is killed":
            # Nobody reads what is written any more, either.
            process.stdout.close()
        if how == "ends us":
            process.terminate()
        else:
            process.stdin.close()
        assert process.wait(WAIT_S) == 0
        assert b"Traceback" not in process.stderr.read()
    saved = Sessions(Places(root)).read(session)
    assert saved.turns[0].ending == "cancelled"
    assert saved.turns[0].answer.startswith("w")


GARBAGE = (
    b"\xff\xfe\x00\n",
    b"not json\n",
    b"42\n",
    b"null\n",
    b'"text"\n',
    b"[]\n",
    b'[{"jsonrpc": "2.0", "id": 9, "method": "initialize"}]\n',
    b"{}\n",
    b'{"id": []}\n',
    b'{"id": {}, "method": "initialize"}\n',
    b'{"id": true, "method": "initialize"}\n',
    b'{"id": 91, "method": 5}\n',
    b'{"id": 92, "method": ["initialize"]}\n',
    b'{"id": 93, "method": "no/such/method", "params": {}}\n',
    b'{"id": 94, "method": "session/new", "params": [1, 2]}\n',
    b'{"id": 95, "method": "session/new", "params": {"cwd": 5, "mcpServers": "x"}}\n',
    b'{"id": 96, "method": "session/prompt", "params": {"sessionId": "x", "prompt": [{"type": "hm"}]}}\n',
    b'{"id": 97, "method": "session/new", "params": {"cwd": "/", "mcpServers": [], "_meta": {"self": 1}}}\n',
    b'{"id": 7777, "result": {"outcome": "of nothing"}}\n',
    b'{"id": 0, "error": "text"}\n',
    b'{"method": "session/cancel"}\n',
    b'{"method": "session/cancel", "params": {"sessionId": ["x"]}}\n',
    b'{"method": "_unknown/thing", "params": {}}\n',
    b'{"id": 98, "method": "_unknown/thing"}\n',
    b'{"a": ' * 3000 + b"\n",
    b"[" * 100_000 + b"\n",
    b'{"id": ' + b"9" * 5000 + b', "method": "initialize"}\n',
    b"\n\r\n   \n",
)


def test_garbage_is_answered_with_errors_and_the_agent_goes_on(root):
    with started(root) as process:
        for each in GARBAGE:
            process.stdin.write(each)
        process.stdin.write(lines(request(1, "initialize", protocolVersion=1)))
        process.stdin.flush()
        answers = []
        for line in process.stdout:
            answers.append(json.loads(line))
            if answers[-1].get("id") == 1:
                break
        process.stdin.write(b'{"half": ')
        process.stdin.close()
        assert process.wait(WAIT_S) == 0
    by_id = {each["id"]: each for each in answers if each["id"] is not None}
    assert by_id[1]["result"]["protocolVersion"] == 1
    assert all("error" in by_id[number] for number in (91, 92, 93, 94, 95, 96, 98))
    assert sum(each["id"] is None for each in answers) >= 12
    assert all(each["jsonrpc"] == "2.0" for each in answers)


@pytest.mark.parametrize("place", ["/dev/null", "README.md"])
def test_what_is_no_pipe_is_refused_in_one_sentence(root, place):
    with (root / place).open("rb") as given:
        done = subprocess.run(
            [sys.executable, "-m", "megacontext.agent.main", "acp"],
            env=environment(root),
            cwd=root,
            stdin=given,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("error: standard input and output have to be pipes")
    assert "Traceback" not in done.stderr


def test_without_the_package_one_sentence_says_what_to_install(root):
    program = (
        "import sys; sys.modules['acp'] = None; sys.argv[1:] = ['acp'];"
        "from megacontext.agent.main import run; run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "pip install 'megacontext[acp]'" in done.stderr
