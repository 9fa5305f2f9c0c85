"""`megacontext chat`: what is asked of it on the command line, without running the program."""

import json

import pytest
from typer.testing import CliRunner

from megacontext.agent.chat.events import Measures
from megacontext.agent.chat.sessions.store import Sessions
from megacontext.agent.main import app
from megacontext.memory.places import Places
from megacontext.models.base import Message


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-p", ""], "the message is empty"),
        (["-p", "-"], "the message is empty"),
        (["-p", "x", "--continue", "--resume", "y"], "give one of"),
        (["-p", "x", "--resume", "--continue"], "give one of"),
        (["--resume", "-p", "x"], "no session yet"),
        (["-p", "x", "--resume"], "no session yet"),
        (["-p", "x", "--resume", "--fork"], "no session yet"),
        (["-p", "x", "--fork"], "name it with"),
        (["--output", "json"], "are for -p"),
        (["--mode", "allow"], "are for -p"),
        (["-p", "x", "--max-turns", "0"], "--max-turns"),
        ([], "there is no terminal; give a message with -p"),
    ],
)
def test_misuse_is_told_before_anything_is_opened(tmp_path, arguments, told):
    outcome = CliRunner(env={"TERMINAL_WIDTH": "300"}).invoke(
        app, ["chat", "--repo", str(tmp_path), *arguments]
    )
    assert outcome.exit_code == 2
    assert told in " ".join(outcome.output.split())
    assert list(tmp_path.iterdir()) == []


def test_sessions_are_listed_exported_and_deleted(tmp_path):
    (tmp_path / ".megacontext").mkdir()
    sessions = Sessions(Places(tmp_path))
    for text in ("My favourite colour?", "Something else."):
        with sessions.new(model="m") as session:
            session.conversation.begin(text)
            session.conversation.add(Message("assistant", "Blue."))
            session.conversation.end("done", "", Measures())

    def run(*arguments: str) -> str:
        outcome = CliRunner().invoke(app, ["sessions", "--repo", str(tmp_path), *arguments])
        assert outcome.exit_code == 0
        return outcome.output

    listed = json.loads(run("--json"))
    assert [(each["turns"], each["model"]) for each in listed] == [(1, "m")] * 2
    [first] = [each["id"] for each in listed if each["title"] == "My favourite colour?"]
    text = run("export", first[-4:])
    assert text.startswith("# My favourite colour?") and "### MegaContext\n\nBlue." in text
    data = json.loads(run("export", first, "--format", "json"))
    assert [turn["text"] for turn in data["turns"]] == ["My favourite colour?"]
    assert run("delete", first) == f"deleted {first}\n"
    assert first not in run() and "Something else." in run()


def test_a_folder_is_trusted_listed_and_trusted_no_longer(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    root = tmp_path / "repository"
    root.mkdir()

    def trust(*arguments: str) -> str:
        outcome = CliRunner().invoke(app, ["trust", "--repo", str(root), *arguments])
        assert outcome.exit_code == 0
        return outcome.output

    assert trust("--list") == ""
    assert "is trusted" in trust()
    assert trust("--list").split() == [str(root)]
    trust("--remove")
    assert trust("--list") == ""
