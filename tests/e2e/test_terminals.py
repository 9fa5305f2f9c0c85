"""Odd terminals and pipes: narrow, dumb, without colour, of another encoding, closed early; and a real one."""

import os
import pty
import shlex
import subprocess
import time

import pytest

from megacontext.agent.chat.events import Measures
from megacontext.agent.chat.sessions.store import Sessions
from megacontext.memory.places import Places

from .conftest import PATIENCE_S, command

ESCAPE = "\x1b"


@pytest.fixture
def on_terminal(environment):
    """Run a command on a pseudo-terminal, type `lines`, and return exit code and all that was shown."""

    def run(*arguments, lines=(), **variables):
        near, far = pty.openpty()
        process = subprocess.Popen(
            command(*arguments),
            stdin=far,
            stdout=far,
            stderr=far,
            env=environment | {"TERM": "xterm", "COLUMNS": "100"} | variables,
            close_fds=True,
        )
        os.close(far)
        shown, waiting = "", list(lines)
        limit = time.monotonic() + PATIENCE_S
        while time.monotonic() < limit:
            try:
                part = os.read(near, 4096)
            except OSError:  # the other end is closed
                break
            shown += part.decode("utf-8", "replace")
            if waiting and shown.endswith(("> ", "]: ")):
                os.write(near, waiting.pop(0).encode() + b"\n")
        os.close(near)
        return process.wait(timeout=PATIENCE_S), shown

    return run


def test_a_conversation_on_a_terminal(on_terminal, indexed, model_folder):
    lines = ("where is word_for?", "", "greeter/greet.py:99:1", "q")
    code, shown = on_terminal("tour", indexed, "--model", model_folder, lines=lines)
    assert code == 0
    assert "greeter: 6 files" in shown
    assert "greeter/words.py:" in shown
    assert "error: " in shown
    assert "no line 99" in shown
    assert "Traceback" not in shown


def test_a_session_is_chosen_from_a_list(on_terminal, repository, model_folder):
    sessions = Sessions(Places(repository))
    for text in ("Where is the parser?", "Where are words?"):
        with sessions.new() as session:
            session.conversation.begin(text)
            session.conversation.end("done", "", Measures())
    asked = ("-p", "And Greeter?", "--model", model_folder)
    code, shown = on_terminal("chat", "--repo", repository, "--resume", *asked, lines=("2",))
    assert code == 0
    assert "Where is the parser?" in shown and "greeter/greet.py:" in shown
    assert sorted((info.turns, info.title) for info in sessions.list()) == [
        (1, "Where are words?"),
        (2, "Where is the parser?"),
    ]


def test_the_end_of_input_leaves(on_terminal, indexed, model_folder):
    code, shown = on_terminal("tour", indexed, "--model", model_folder, lines=("\x04",))
    assert code == 0
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    "variables",
    [{"NO_COLOR": "1", "TERM": "dumb"}, {"COLUMNS": "20", "LINES": "3"}, {"TERM": "unknown"}],
)
def test_odd_terminals_show_the_same_facts(on_terminal, indexed, model_folder, variables):
    arguments = ("focus", "where is word_for", "--repo", indexed, "--model", model_folder)
    code, shown = on_terminal(*arguments, **variables)
    assert code == 0
    assert "greeter/words.py:" in shown
    if variables.get("TERM") == "dumb":
        assert ESCAPE not in shown


def test_names_and_text_cannot_drive_a_terminal(run, repository, model_folder):
    (repository / "evil\x1b[31m.py").write_text("word_for = 'a\x1b]0;title\x07'\n")
    arguments = ("--repo", repository, "--model", model_folder)
    for shown in (run("focus", "word_for", *arguments), run("ask", "word_for", *arguments)):
        assert shown.code == 0
        assert "evil" in shown.out
        assert ESCAPE not in shown.out + shown.err


def test_pipes_carry_no_colour(run, indexed):
    assert ESCAPE not in run("status", "--repo", indexed, FORCE_COLOR="").out


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_encoding_without_our_characters(run, repository, model_folder, encoding):
    (repository / "naïve.py").write_text("def größe():\n    return '…→'\n" * 20, encoding="utf-8")
    for command_ in ("ask", "focus"):
        done = run(
            *(command_, "größe", "--repo", repository, "--model", model_folder),
            PYTHONIOENCODING=encoding,
            PYTHONUTF8="0",
            encoding=encoding,
        )
        assert done.code == 0


@pytest.mark.parametrize("arguments", [("status", "--json"), ("focus", "word"), ("ask", "word")])
def test_a_reader_who_leaves_early(environment, indexed, model_folder, arguments):
    options = ["--repo", str(indexed)]
    if arguments[0] != "status":
        options += ["--model", str(model_folder)]
    line = shlex.join(command(*arguments, *options)) + " | true"
    done = subprocess.run(
        ["bash", "-c", line],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
