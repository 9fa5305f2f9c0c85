"""Programs in a terminal of the editor: shown there, shut in as everywhere, told to the model without secrets."""

import asyncio
import os
import subprocess
import time
from pathlib import Path

import pytest

from megacontext.models.language.scripted import call
from tests.agent.acp.conftest import Editor
from tests.patience import LOOK_S

SECRET = "ghp_" + "a1B2" * 9


def run(command: str) -> str:
    return call("run", command=command)


def test_a_program_is_shown_in_a_terminal_and_told_to_the_model(play, root):
    command = f"echo out; echo err >&2; echo {SECRET}; pwd; exit 3"

    async def scene(stage):
        session = await stage.begin(terminal=True)
        await stage.prompt(session, run(command), "$knows exit status 3")
        return stage.editor

    editor = play(scene)
    shown = editor.shown["terminal-0"]
    assert f"out\nerr\n{SECRET}\n{root}\n" in shown
    assert editor.released == ["terminal-0"]
    updates = editor.of("tool_call_update")
    assert updates[0].content[0].terminal_id == "terminal-0"
    assert updates[-1].status == "failed"
    assert updates[-1].content is None
    assert "exit status 3" in updates[-1].title


def test_what_the_model_is_told_holds_no_secret(play, root):
    command = f"echo the-word; echo {SECRET}"

    async def scene(stage):
        session = await stage.begin(terminal=True)
        await stage.prompt(session, run(command), "Seen.")
        await stage.agent.close_session(session_id=session)
        saved = root / ".megacontext/sessions" / session / "conversation.jsonl"
        return saved.read_text()

    *_, result, _, _ = play(scene).splitlines()
    assert "the-word" in result
    assert SECRET not in result


def test_a_module_of_the_repository_is_not_taken_for_ours(play, root):
    package = root / "megacontext"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('taken over')\n")

    async def scene(stage):
        session = await stage.begin(terminal=True)
        await stage.prompt(session, run("echo as it should be"), "Done.")
        return stage.editor

    editor = play(scene)
    assert "as it should be" in editor.shown["terminal-0"]
    assert editor.of("tool_call_update")[-1].status == "completed"


def test_a_program_in_a_terminal_ends_with_its_turn(play, root):
    async def scene(stage):
        session = await stage.begin(terminal=True)
        line = "echo $$ > pid; echo started; sleep 1000060"
        going = asyncio.create_task(stage.prompt(session, run(line), "Slept."))
        while not (root / "pid").exists() or not (root / "pid").read_text():
            await asyncio.sleep(LOOK_S)
        await stage.agent.cancel(session_id=session)
        answer = await going
        return answer.stop_reason, stage.editor

    reason, editor = play(scene)
    assert reason == "cancelled"
    assert editor.killed == editor.released == ["terminal-0"]
    while still_in(root, "sleep 1000060"):
        time.sleep(LOOK_S)


def still_in(root: Path, line: str) -> bool:
    """Whether a program goes on in a folder; one that was killed needs a moment to be gone."""
    command = ["pgrep", "-f", f"{line}$", "-u", str(os.getuid())]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return any(_folder(pid) == root for pid in found.stdout.split())


def _folder(pid: str) -> Path | None:
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None


@pytest.mark.parametrize("allowed", ["allow_once", "reject_once"])
def test_an_editor_without_a_terminal_to_give_is_a_failed_call(play, allowed):
    async def scene(stage):
        session = await stage.begin(terminal=True)
        answer = await stage.prompt(session, run("echo x"), "Never mind.")
        return answer, stage.editor

    answer, editor = play(scene, Editor(answers=[allowed], no_terminals=True))
    assert answer.stop_reason == "end_turn"
    update = editor.of("tool_call_update")[-1]
    assert update.status == "failed"
    told = "opened no terminal" if allowed == "allow_once" else "not allowed"
    assert told in update.content[0].content.text
