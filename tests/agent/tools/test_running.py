"""run and checks: what a model gets to know of a program."""

import threading

import pytest

from megacontext.agent.permissions.permissions import CHECK
from megacontext.agent.sandbox.protection import protection
from megacontext.agent.tools.base import ToolError
from megacontext.agent.tools.checks import planned_checks, run_check
from megacontext.configs.errors import SandboxError

from .conftest import TOOLS


@pytest.mark.parametrize(
    ("given", "command"),
    [
        ({"command": "ls -a"}, "ls -a"),
        ({"cmd": " ls "}, "ls"),
        ({"command": "$ ls"}, "ls"),
        ({"command": "```bash\nls\n```"}, "ls"),
        ({"command": ["cd a", "ls"]}, "cd a\nls"),
    ],
)
def test_the_line_that_is_meant_is_planned(shop, given, command):
    planned = TOOLS["run"].plan(given, shop)
    assert (planned.action, planned.subject, planned.preview) == ("run", command, command)


@pytest.mark.parametrize(
    "command", ["", "  ", "```\n```", "a\0b", "a\ud800", "x" * 20_001, {"a": 1}, None]
)
def test_what_is_no_line_is_refused(shop, command):
    with pytest.raises(ToolError):
        TOOLS["run"].plan({"command": command}, shop)


def test_output_and_end_are_told(call):
    result = call("run", command="ls; echo wrong >&2; exit 2")
    assert result.text.startswith("README.md\ngreeter\nkeys\ntests\nwrong\n[exit status 2, ")
    assert not result.ok
    assert "exit status 2" in result.summary
    done = call("run", command="true")
    assert done.text.startswith("(no output)\n[done, ")
    assert done.ok


def test_long_output_is_cut_to_what_fits(open_tools):
    shop = open_tools(tools__output_chars=2000)
    run = TOOLS["run"]
    text = run.execute(run.plan({"command": "seq 100000"}, shop), shop).text
    assert len(text) < 2200
    assert text.startswith("1\n2\n")
    assert "99999\n100000\n[done" in text


def test_secrets_do_not_come_out_of_programs(call):
    text = call(
        "run", command="cat keys/.env; grep -r PASSWORD .; echo AKIA'ABCDEFGHIJKLMNOP'"
    ).text
    assert "hunter2" not in text
    assert "AKIAABCDEFGHIJKLMNOP" not in text


def test_time_and_cancelling_end_it(call, shop):
    assert (
        "ended after 1 s, its limit (of this call)"
        in call("run", command="sleep 1000000", timeout=1).text
    )
    cancel = threading.Event()
    cancel.set()
    run = TOOLS["run"]
    result = run.execute(run.plan({"command": "sleep 1000000"}, shop), shop, cancel)
    assert "cancelled" in result.text


def test_a_sandbox_that_cannot_be_had_is_an_answer_and_no_crash(open_tools, monkeypatch):
    shop = open_tools()

    def fail(*_: object, **__: object) -> None:
        raise SandboxError("no sandbox here")

    monkeypatch.setattr(shop.sandbox, "run", fail)
    run = TOOLS["run"]
    with pytest.raises(ToolError, match="no sandbox here"):
        run.execute(run.plan({"command": "ls"}, shop), shop)


def test_commands_run_under_the_best_protection_by_default(open_tools):
    shop = open_tools(sandbox__kind="auto")
    assert shop.sandbox.protection == protection()
    assert shop.sandbox.description
    run = TOOLS["run"]
    assert run.execute(run.plan({"command": "cat README.md"}, shop), shop).ok


def test_checks_are_plans_of_their_own_and_tell_only_what_fails(open_tools):
    shop = open_tools(tools__checks="[true, echo wrong; exit 1]")
    passes, fails = planned_checks(shop)
    assert (passes.tool, passes.action, passes.subject) == (CHECK, "run", "true")
    good, bad = run_check(passes, shop), run_check(fails, shop)
    assert (good.ok, good.text) == (True, "")
    assert not bad.ok
    assert bad.text.startswith("wrong\n[exit status 1")


def test_without_checks_there_is_none(shop):
    assert planned_checks(shop) == ()
