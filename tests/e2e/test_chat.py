"""`megacontext chat -p` as a program: a scripted server, a real repository, output, files and exit codes."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from megacontext.agent.chat.sessions.store import Sessions
from megacontext.memory.places import Places
from tests.e2e.conftest import PATIENCE_S, Outcome, command
from tests.memory.workbench import git
from tests.models.small_server import (
    Server,
    answering,
    call_delta,
    delta,
    finished,
    refusing,
    running,
)

EDIT = ("edit_text", {"path": "greeter/words.py", "old": '"Hello"', "new": '"Hi"'})
READ = ("read", {"path": "greeter/words.py"})


def saying(text: str, *calls: tuple[str, dict[str, Any]]) -> Callable[[Any], None]:
    """An answer of the server, with calls of tools."""
    deltas = [
        call_delta(at, id=f"c{at}", name=name, arguments=json.dumps(arguments))
        for at, (name, arguments) in enumerate(calls)
    ]
    return answering(delta(text), *deltas, finished("tool_calls" if calls else "stop"), "[DONE]")


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def variables(server: Server, tokenizer_json: bytes, tmp_path: Path) -> dict[str, str]:
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_bytes(tokenizer_json)
    remote = {
        "BASE_URL": server.url,
        "MODEL": "coder",
        "TOKENIZER": str(tokenizer),
        "CONTEXT_LENGTH": "32768",
    }
    return {f"MEGACONTEXT_MODEL__REMOTE__{key}": value for key, value in remote.items()} | {
        "NO_PROXY": "127.0.0.1",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }


@pytest.fixture
def chat(run, repository: Path, variables) -> Callable[..., Outcome]:
    def ask(*arguments: object, **more: str) -> Outcome:
        return run("chat", "--repo", repository, *arguments, **variables, **more)

    return ask


def test_the_answer_is_on_standard_output_and_what_was_done_beside_it(chat, server):
    server.behaviours = [saying("I look.", READ), saying("In greeter/words.py:6.")]
    outcome = chat("-p", "Where is word_for?", PYTHONVERBOSE="1")
    assert (outcome.code, outcome.out) == (0, "In greeter/words.py:6.\n")
    assert "read  greeter/words.py" in outcome.err
    # A model behind a server needs none of what a local one does.
    assert "import 'httpx'" in outcome.err
    assert "import 'torch'" not in outcome.err and "import 'transformers'" not in outcome.err
    (_, _, first), (path, _, second) = server.requests
    assert path == "/v1/chat/completions"
    assert "def word_for(language):" in first["messages"][1]["content"]
    assert [tool["function"]["name"] for tool in first["tools"]][:2] == ["read", "search"]
    assert second["messages"][:2] == first["messages"]
    assert [message["role"] for message in second["messages"][2:]] == ["assistant", "tool"]
    assert "hunter2" not in json.dumps(second)


def test_every_event_is_a_line_of_json(chat, server, repository):
    server.behaviours = [saying("", EDIT), saying("Done.")]
    outcome = chat("-p", "Say Hi.", "--output", "stream-json", "--mode", "accept-edits")
    assert outcome.code == 0
    events = outcome.events
    assert [event["event"] for event in events] == [
        *(
            "session",
            "turn",
            "focus",
            "writing",
            "usage",
            "tool",
            "edit",
            "tool_result",
            "token",
            "usage",
            "end",
        )
    ]
    assert events[0]["mode"] == "accept-edits" and events[-1]["reason"] == "done"
    assert events[-1]["measures"]["queries"] == 2
    assert git(repository, "diff", "--numstat") == "1\t1\tgreeter/words.py\n"


def test_one_object_tells_what_came_of_it(chat, server):
    server.behaviours = [saying("", EDIT), saying("Done.")]
    told = chat("-p", "Say Hi.", "--output", "json", "--allow", "edit(greeter/**)").json
    assert (told["answer"], told["reason"], told["refused"]) == ("Done.", "done", [])
    assert [edit["path"] for edit in told["edits"]] == ["greeter/words.py"]
    assert '+WORDS = {"en": "Hi"' in told["edits"][0]["diff"]


@pytest.mark.parametrize("mode", ["ask", "plan"])
def test_what_nobody_can_allow_is_not_done(chat, server, repository, mode):
    server.behaviours = [saying("", EDIT), saying("I may not.")]
    outcome = chat("-p", "Say Hi.", "--mode", mode, "--output", "json")
    told = outcome.json
    assert outcome.code == (4 if mode == "ask" else 0)
    assert told["reason"] == ("refused" if mode == "ask" else "done")
    assert len(told["refused"]) == 1 and told["edits"] == []
    assert git(repository, "status", "--porcelain") == ""


def test_a_limit_has_its_own_exit_code(chat, server):
    server.behaviours = [saying("", READ)]
    outcome = chat("-p", "Look for ever.", "--max-turns", 2)
    assert outcome.code == 3
    assert "limit: 2 questions to the model" in outcome.err
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("behaviour", "told"),
    [
        (refusing(401, {"error": {"message": "bad key"}}), "answered 401 (bad key)"),
        (
            refusing(429, {"error": {"message": "slow down"}}, retry_after=0),
            "answered 429 (slow down)",
        ),
        (refusing(500, "oh"), "answered 500 (oh)"),
        (answering(delta("I am ab")), "cut its answer short"),
    ],
)
def test_a_server_that_fails_is_told_in_a_sentence(chat, server, behaviour, told):
    server.behaviours = [saying("", READ), behaviour]
    outcome = chat("-p", "Look.")
    assert outcome.code == 1
    assert told in outcome.err
    assert outcome.out in ("", "I am ab\n")  # what the model said, and nothing else


def test_what_is_piped_in_is_added_to_the_message(server, repository, variables, environment):
    server.behaviours = [saying("I see.")]
    line = command("chat", "--repo", repository, "-p", "What is this?")
    done = subprocess.run(
        line,
        env=environment | variables,
        input="Traceback: oh\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "I see.\n")
    content = server.requests[0][2]["messages"][-1]["content"]
    assert content.endswith("What is this?\n\nTraceback: oh")


def test_an_interrupt_cancels_the_turn_and_keeps_the_session(
    server, repository, variables, environment, run
):
    def waiting(handler):
        handler.head(content_type="text/event-stream")
        handler.send(delta("I am at it, "))
        handler.wait_until_closed()

    server.behaviours = [waiting, saying("Now then.")]
    line = command("chat", "--repo", repository, "-p", "Work.", "--output", "stream-json")
    with subprocess.Popen(
        line,
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        events = []
        for text in program.stdout:
            events.append(json.loads(text))
            if events[-1]["event"] == "token":
                program.send_signal(signal.SIGINT)
                break
        events += [json.loads(text) for text in program.stdout]
        assert program.wait(PATIENCE_S) == 130
    assert events[-1]["reason"] == "cancelled"
    outcome = run("chat", "--repo", repository, "-p", "Go on.", "--continue", **variables)
    assert outcome.out == "Now then.\n"
    said = [message["content"] for message in server.requests[-1][2]["messages"]]
    assert said[2] == "I am at it, " and said[3].endswith("Go on.")


def test_sessions_are_gone_on_with_and_copied(chat, server, repository):
    server.behaviours = [saying("Blue.")]
    first = chat("-p", "My favourite colour?", "--output", "json").json["session"]
    again = chat("-p", "And again?", "--resume", first[-4:], "--output", "json").json["session"]
    copy = chat("-p", "A copy.", "--continue", "--fork", "--output", "json").json["session"]
    assert copy != first == again
    roles = [message["role"] for message in server.requests[-1][2]["messages"]]
    assert roles == ["system", *["user", "assistant"] * 2, "user"]
    assert [(each.id, each.turns, each.parent) for each in Sessions(Places(repository)).list()] == [
        (copy, 3, first),
        (first, 2, None),
    ]


def test_a_session_that_is_not_there_is_told(chat, server):
    outcome = chat("-p", "Gone?", "--resume", "20990101-000000-abcd")
    assert outcome.code == 1 and "megacontext sessions" in outcome.err
    assert server.requests == []


@pytest.mark.parametrize("arguments", [(), ("-p", "x", "--mode", "reckless")])
def test_misuse_is_told(chat, server, arguments):
    assert chat(*arguments).code == 2
    assert server.requests == []


def test_a_model_that_cannot_chat_says_so_and_names_places(run, repository, model_folder, tmp_path):
    outcome = run(
        *(
            "chat",
            "--repo",
            repository,
            "--model",
            model_folder,
            "-p",
            "Where is word_for defined?",
        ),
        XDG_CONFIG_HOME=str(tmp_path / "config"),
    )
    assert outcome.code == 0
    assert "cannot chat" in outcome.err
    assert "greeter/words.py:" in outcome.out.splitlines()[0]
