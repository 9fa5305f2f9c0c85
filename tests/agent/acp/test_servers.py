"""MCP servers that an editor names: their tools in a session, and what strangers cannot do."""

import asyncio
import os
import re
import sys

import pytest
from acp.schema import EnvVariable, HttpHeader, HttpMcpServer, McpServerStdio, SseMcpServer

from megacontext.models.language.scripted import call
from tests.agent.acp.conftest import Editor, environment
from tests.agent.acp.strange_server import SECRET
from tests.agent.mcp.conftest import TOKEN, listen, make_repository


def stdio(root, *arguments, name="Strange server"):
    variables = {**environment(root), "PATH": os.environ["PATH"]}
    env = [EnvVariable(name=key, value=value) for key, value in variables.items()]
    return McpServerStdio(name=name, command=sys.executable, args=list(arguments), env=env)


def strange(root):
    return stdio(root, "-m", "tests.agent.acp.strange_server")


def test_tools_of_a_server_are_asked_about_and_answer(play, root):
    tool = call("strange_server_read", text="hello")

    async def scene(stage):
        session = await stage.begin(servers=[strange(root)])
        await stage.prompt(session, tool, tool, "Asked.")
        return stage.editor

    editor = play(scene, Editor(answers=["allow_always"]))
    ((asked, options),) = editor.asked
    assert asked.kind == "other"
    assert '{"text": "hello"}' in asked.content[0].content.text
    assert [option.name for option in options][
        1
    ] == "Always allow strange_server_read in this session"
    first, second = (update.content[0].content.text for update in editor.of("tool_call_update"))
    assert first == second
    assert first.startswith("read got hello\n")
    assert SECRET not in first
    assert "\x1b" not in first
    assert len(first) < 100_000


def test_a_stranger_takes_no_name_of_ours_and_says_nothing_unbounded(play, root):
    async def scene(stage):
        session = await stage.begin(servers=[strange(root), strange(root)])
        await stage.prompt(session, call("read", path="README.md"), "$echo", text="Mine?")
        answers = []
        for name in ("etc_passwd", "read_2", "nothing_of_the_sort"):
            await stage.prompt(session, call(f"strange_server_{name}"), "Done.")
            answers.append(stage.editor.updates[-1])
        return stage.editor

    editor = play(scene)
    reads = [update for update in editor.of("tool_call") if update.title.startswith("read ")]
    assert reads[0].kind == "read"
    refused = next(update for update in editor.of("tool_call") if "cannot be made" in update.title)
    known = refused.content[0].content.text.partition("there are")[2].partition("\n\n")[0]
    names = re.findall(r"strange_server_\w+", known)
    assert len(names) == len(set(names)) == 22
    assert all(re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name) for name in names)
    assert len(editor.asked) == 2


@pytest.mark.parametrize(
    ("tool", "told"),
    [("fail", "failed"), ("die", "failed"), ("a" * 10, "no tool")],
)
def test_a_server_that_fails_in_a_call_is_a_failed_call(play, root, tool, told):
    async def scene(stage):
        session = await stage.begin(servers=[strange(root)])
        answer = await stage.prompt(session, call(f"strange_server_{tool}"), "Never mind.")
        return answer, stage.editor

    answer, editor = play(scene)
    assert answer.stop_reason == "end_turn"
    update = (editor.of("tool_call_update") or editor.of("tool_call"))[-1]
    assert update.status == "failed"
    assert told in update.content[0].content.text
    assert "\x1b" not in update.content[0].content.text


def test_a_server_that_hangs_in_a_call_is_left_when_the_turn_is_cancelled(play, root):
    async def scene(stage):
        session = await stage.begin(servers=[strange(root)])
        going = asyncio.create_task(stage.prompt(session, call("strange_server_hang"), "Done."))
        await stage.editor.until(lambda: stage.editor.asked)
        await stage.agent.cancel(session_id=session)
        return (await going).stop_reason

    assert play(scene) == "cancelled"


def test_servers_that_do_not_start_are_told_and_the_session_goes_on(play, root):
    missing = stdio(root, name="gone")
    missing.command = "/nowhere/at/all"
    dead = stdio(root, "-c", "raise SystemExit(1)", name="dead\x1b[2J")
    sse = SseMcpServer(type="sse", name="old", url="http://127.0.0.1:1/sse", headers=[])
    refused = HttpMcpServer(type="http", name="http", url="http://127.0.0.1:1/mcp", headers=[])

    async def scene(stage):
        session = await stage.begin(servers=[missing, dead, sse, refused])
        await stage.editor.until(lambda: stage.editor.said.count("is not used") == 4)
        return (await stage.prompt(session, "Here all the same.")).stop_reason, stage.editor

    reason, editor = play(scene)
    assert reason == "end_turn"
    for name in ("gone", "dead", "old", "http"):
        assert f"the MCP server {name}" in editor.said
    assert "\x1b" not in editor.said


def test_a_server_over_http_is_ours(play, root, tmp_path):
    lent = make_repository(tmp_path.resolve() / "lent")
    process, said = listen(lent, "--token-from", "OUR_TOKEN", OUR_TOKEN=TOKEN)
    url = re.search(r"http://\S+", said[-1])[0]
    header = HttpHeader(name="Authorization", value=f"Bearer {TOKEN}")
    server = HttpMcpServer(type="http", name="memory", url=url, headers=[header])

    async def scene(stage):
        session = await stage.begin(servers=[server])
        await stage.prompt(session, call("memory_outline"), "Seen.")
        await stage.agent.close_session(session_id=session)
        return stage.editor

    with process:
        editor = play(scene)
        process.terminate()
    assert "README.md" in editor.of("tool_call_update")[-1].content[0].content.text


def test_plan_mode_calls_no_tool_of_another_server(play, root):
    async def scene(stage):
        session = await stage.begin(servers=[strange(root)])
        await stage.agent.set_session_mode(session_id=session, mode_id="plan")
        await stage.prompt(session, call("strange_server_read"), "Planned.")
        return stage.editor

    editor = play(scene)
    assert editor.asked == []
    assert "not allowed" in editor.of("tool_call_update")[-1].content[0].content.text
